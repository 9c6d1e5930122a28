"""What differs between two sides, before any statistics: parameters, variants, causes, classes, costs."""

import dataclasses
from typing import Any

import pandas as pd

from valgap.ground.params.suite import BASELINE
from valgap.results.sides import Side
from valgap.stats.measures import MEASURES, Series
from valgap.stats.operations import training_operations
from valgap.stats.verdict import CauseEntry

ABSENT = "–"


@dataclasses.dataclass(frozen=True)
class Variants:
    """Names of variants by what became of them; `identical` and `redefined` are on both sides."""

    added: list[str]
    removed: list[str]
    redefined: list[str]
    identical: set[str]


def parameters(head: dict[str, Any], base: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(dotted key, base's value, head's) of each parameter that differs, of all blocks of params.yaml; "–" for none."""
    new, old = flatten(head), flatten(base)
    keys = [key for key in (*old, *(key for key in new if key not in old)) if old.get(key, ...) != new.get(key, ...)]
    return [(key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys]


def flatten(content: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted keys; an empty mapping is a value."""
    if not isinstance(content, dict) or (prefix and not content):
        return {prefix: content}
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def variants(head: Side, base: Side) -> Variants:
    """What became of each variant."""
    both = [name for name in head.variants if name in base.variants]
    rows = [dict(list(side.results.groupby("variant", sort=False))) for side in (head, base)]
    same = {name for name in both if _same_settings(head, base, name)}
    return Variants(
        added=[name for name in head.variants if name not in base.variants],
        removed=[name for name in base.variants if name not in head.variants],
        redefined=[name for name in both if name not in same],
        identical={name for name in same if _same_results(head, base, name, [side.get(name) for side in rows])},
    )


def is_paired(head: Side, base: Side) -> bool:
    """Whether replicate r is the same draw on both sides: same images, same sizes, same seed."""
    return head.provenance.data == base.provenance.data and head.provenance.seed == base.provenance.seed


def scores(side: Side) -> dict[str, dict[str, Series]]:
    """Scores of each variant by measure and replicate."""
    found: dict[str, dict[str, Series]] = {name: {measure: {} for measure in MEASURES} for name in side.variants}
    names = {(measure.split, measure.metric): name for name, measure in MEASURES.items()}
    columns = (side.results[column] for column in ("variant", "replicate", "split", "metric", "value"))
    for variant, replicate, split, metric, value in zip(*columns, strict=True):
        if (split, metric) in names and variant in found:
            found[variant][names[split, metric]][int(replicate)] = float(value)
    return found


def causes(head: Side, base: Side) -> list[tuple[str, CauseEntry | None, CauseEntry | None]]:
    """(title, base's entry of verdict.json, head's) of each cause whose verdict word differs."""
    new, old = ({entry.title: entry for entry in side.verdict.causes} for side in (head, base))
    titles = [*new, *(title for title in old if title not in new)]
    word = [{title: entry.verdict for title, entry in side.items()} for side in (new, old)]
    return [(title, old.get(title), new.get(title)) for title in titles if word[0].get(title) != word[1].get(title)]


def recalls(head: Side, base: Side, changed: list[str]) -> pd.DataFrame:
    """variant, class, base, head, change: mean test recall of the changed variants, the largest change first."""
    means = [
        side.classes[side.classes.split == "test"].groupby(["variant", "class"])["recall"].mean()
        for side in (base, head)
    ]
    table = pd.concat(means, axis=1, keys=["base", "head"], join="inner").reset_index()
    table = table[table.variant.isin(changed)].assign(change=lambda frame: frame["head"] - frame["base"])
    order = table.change.abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].query("change != 0").reset_index(drop=True)


def costs(head: Side, base: Side) -> list[tuple[str, dict[str, float], dict[str, float]]]:
    """(variant, base's cost, head's) where it differs: parameters, steps, compute over the baseline's of the base."""
    unit = _operations(base, BASELINE)
    found = []
    for name in head.variants:
        if name in base.variants:
            old, new = (_cost(side, name, unit) for side in (base, head))
            if old != new:
                found.append((name, old, new))
    return found


def _cost(side: Side, name: str, unit: float) -> dict[str, float]:
    entry = side.variants[name]
    return {
        "parameters": entry.parameters, "steps": entry.steps,
        "compute": round(_operations(side, name) / unit, 3),
    }  # fmt: skip


def _operations(side: Side, name: str) -> float:
    """Operations of a variant's training."""
    entry = side.variants[name]
    batch_size = (side.provenance.train | entry.diff)["batch_size"]
    return float(training_operations(entry.steps, batch_size, entry.forward_flops))


def _same_settings(head: Side, base: Side, name: str) -> bool:
    """Whether settings agree. A knob that only one side knows redefines the variants that turn it."""
    sides = [side.provenance.train | side.variants[name].diff for side in (head, base)]
    turned = {key for side in (head, base) for key in side.variants[name].diff}
    return all(
        sides[0][key] == sides[1][key] if key in sides[0] and key in sides[1] else key not in turned
        for key in {**sides[0], **sides[1]}
    )


def _same_results(head: Side, base: Side, name: str, rows: list[pd.DataFrame | None]) -> bool:
    """Whether every score of every replicate and the predictions themselves are the same bytes."""
    new, old = (None if side is None else side.reset_index(drop=True) for side in rows)
    predictions = [side.variants[name].predictions_md5 for side in (head, base)]
    return new is not None and old is not None and new.equals(old) and predictions[0] == predictions[1]

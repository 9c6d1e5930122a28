"""The verdict: from contrasts to what may be said of each cause, of the remedy, and what it would cost.

Pure functions; their results are verdict.json (all that the report says) and diagnosis.json (its headline).
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from valgap.data.prepared import Manifest
from valgap.ground.params.experiment import Augmentation, Train
from valgap.ground.params.suite import BASELINE, CAUSES, Suite
from valgap.stats import trends, verdicts
from valgap.stats.contrasts import IMBALANCED, Comparison, Measured, per_replicate, primary_metric, redrawn, table
from valgap.stats.intervals import Interval, over_replicates
from valgap.stats.run import Run
from valgap.stats.verdict import (
    CauseEffect,
    CauseEntry,
    Covers,
    Divergence,
    Dose,
    Estimate,
    ImagesNeeded,
    Injected,
    Price,
    Remedy,
    SplitEffect,
    Untested,
    Verdict,
)
from valgap.stats.words import CAUSE_WORDS, OfLoss, OfSplit

FARTHEST = 100  # times the training images: as far as the trend is followed
LATE_LOSS: dict[bool | None, OfLoss] = {True: "problematic", False: "not shown", None: "unknown"}


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a variant's network costs: parameters, and floating-point operations of a forward pass."""

    parameters: int
    forward_flops: int


Costs = Mapping[str, Cost]  # by variant


def is_present(cause: str, train: Train, class_sizes: list[int]) -> bool:
    """Whether the baseline has the cause at all. Capacity and regularization are a matter of degree: always."""
    if cause == "augmentation":
        return train.augmentation != Augmentation() or any(
            (train.rand_augment, train.random_erasing, train.mixup, train.cutmix)
        )
    if cause == "imbalance":
        return train.long_tail > IMBALANCED or max(class_sizes) > IMBALANCED * min(class_sizes)
    return True


def replicates_of(params: Suite, blocks: tuple[int, ...]) -> frozenset[int]:
    """Numbers of all replicates in the blocks."""
    return frozenset(number for block in blocks for number in params.split.replicates(block))


def candidates(params: Suite, loaded: dict[str, Run]) -> list[str]:
    """Trained variants that remove a cause with the baseline's images: those among which a remedy is chosen."""
    arms = [arm for name, cause in params.causes.items() if name != "data" for arm in cause.removes]
    return [arm for arm in arms if arm in loaded]


def choose_on_first_block(params: Suite, measured: Measured, names: list[str]) -> str | None:
    """The variant with the highest mean validation accuracy on the first block; None of none."""
    first = replicates_of(params, params.split.blocks[:1])
    scores = {}
    for name in names:
        on_first = sorted(first & set(measured.loaded[name]["replicates"].tolist()))
        if on_first:
            scores[name] = measured.values(name, "val_accuracy", on_first)
    return verdicts.choose(scores) if scores else None


def confirmatory(params: Suite, loaded: dict[str, Run], class_sizes: list[int]) -> dict[str, str]:
    """Primary variant of each cause that the baseline has and that one of its trained variants removes."""
    return {
        name: cause.primary
        for name, cause in params.causes.items()
        if name != "data"
        and cause.primary in loaded
        and cause.kind(cause.primary) == "removes"
        and is_present(name, params.train, class_sizes)
    }


def comparisons(params: Suite, measured: Measured, class_sizes: list[int]) -> list[Comparison]:
    """All contrasts: the confirmatory family first, then chosen strengths, then every variant, exploratory."""
    loaded = measured.loaded
    primaries = confirmatory(params, loaded, class_sizes)
    fresh = replicates_of(params, tuple(block for block in params.blocks if block != params.split.blocks[0]))
    remedy = choose_on_first_block(params, measured, candidates(params, loaded)) if fresh else None
    if remedy and not fresh & set(loaded[remedy]["replicates"].tolist()):
        remedy = None
    family = len(primaries) + bool(remedy)
    found = []
    for cause, variant in primaries.items():
        confidence = verdicts.adjusted_confidence(family, params.looks[variant])
        found.append(Comparison(variant, BASELINE, cause, "removes", "primary", confidence))
    if remedy:
        confidence = verdicts.adjusted_confidence(family, params.looks.get(remedy, 0))
        cause = params.cause_of(remedy) or ""
        found.append(Comparison(remedy, BASELINE, cause, "removes", "remedy", confidence, fresh))
    for cause, declared in params.causes.items():
        for arms in declared.strengths.values():
            chosen = choose_on_first_block(params, measured, [arm for arm in arms if arm in loaded])
            if chosen and fresh & set(loaded[chosen]["replicates"].tolist()):
                found.append(Comparison(chosen, BASELINE, cause, "removes", "strength", replicates=fresh))
    for variant in loaded:
        if variant == BASELINE:
            continue
        cause = params.cause_of(variant) or ""
        kind = (params.causes[cause].kind(variant) or "") if cause else ""
        if primaries.get(cause) != variant:
            found.append(Comparison(variant, BASELINE, cause, kind))
        primary = params.causes[cause].primary if cause else None
        if kind == "remedies" and primary in loaded:
            found.append(Comparison(variant, primary, cause, kind))
    return found


def diagnose(
    params: Suite, loaded: dict[str, Run], curves: dict[str, Any], manifest: Manifest, costs: Costs
) -> tuple[pd.DataFrame, Verdict]:
    """(contrasts.csv, verdict.json).

    `curves` holds the baseline's `epochs` (P,) and `val_nll` (replicates, P).
    """
    measured = Measured(loaded)
    labels = loaded[BASELINE]["test_labels"][0]
    class_sizes = list(manifest.class_sizes)
    metric = "balanced_accuracy" if is_present("imbalance", params.train, class_sizes) else primary_metric(labels)
    margin = verdicts.default_margin(params.diagnosis.margin, len(labels))
    contrasts = table(measured, comparisons(params, measured, class_sizes), metric, margin)
    main = contrasts[contrasts.metric == metric]
    everything = measured.loaded[BASELINE]["replicates"].tolist()
    folds = redrawn(loaded[BASELINE])
    late = trends.divergence(curves["epochs"], curves["val_nll"])
    policies = {name: dataclasses.asdict(policy) for name, policy in params.train.evaluation_policies.items()}
    return contrasts, Verdict(
        metric=metric,
        margin=margin,
        replicates=len(everything),
        covers=_covers(loaded[BASELINE], manifest),
        block_size=params.split.block_size,
        gap=over_replicates(measured.values(BASELINE, "gap", everything), redrawn=folds),
        divergence=Divergence(LATE_LOSS[late.rising], late.slope, late.from_epoch),
        causes=(
            _split_cause(params, measured, manifest),
            *(_cause(params, name, main, class_sizes) for name in params.causes if name != "data"),
        ),
        data=_price(params, measured, metric, manifest),
        remedy=_remedy(params, contrasts, metric, costs),
        injected=tuple(_injected(row) for row in _rows(main[(main.kind == "injects") & (main.against == BASELINE)])),
        underfit=tuple(underfit(contrasts)),
        doses=doses(params, loaded, costs, manifest),
        policies=policies,
    )


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as mappings of Python's own values."""
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return rows


def _injected(row: dict[str, Any]) -> Injected:
    return Injected(**{field.name: row[field.name] for field in dataclasses.fields(Injected)})


def _covers(run: Run, manifest: Manifest) -> Covers:
    groups = len(np.unique(run["test_groups"]))
    return Covers(
        training="whole" if manifest.whole_pool and not redrawn(run) else "drawn",
        test="folds" if redrawn(run) else "fixed",
        groups=None if manifest.groups is None else groups,
    )


def _split_cause(params: Suite, measured: Measured, manifest: Manifest) -> CauseEntry:
    """Cause 0: whether the baseline scores otherwise on the given validation images than on re-splits.

    A given split is one draw, so it is placed by a prediction interval. Where groups are unknown a difference may as
    well come from re-splits that put one group on both sides: then nothing is said of the cause.
    """
    cause, title = "split", "the split itself"
    if not manifest.given_validation:
        return Untested(cause=cause, title=title, verdict="not applicable", why="the suite made the split")
    arms = [name for name in measured.loaded if params.diffs[name] == {"resplit": True}]
    if not arms:
        why = "`variants` has no `resplit: {resplit: true}` to compare with"
        return Untested(cause=cause, title=title, verdict="not tested", why=why)
    numbers = measured.loaded[arms[0]]["replicates"].tolist()
    given = float(measured.values(BASELINE, "val_accuracy", numbers).mean())
    found = trends.prediction_difference(given, measured.values(arms[0], "val_accuracy", numbers))
    limits = found.difference, found.low, found.high
    word = _split_word(found, manifest.groups is not None)
    return SplitEffect(cause, title, arms[0], len(numbers), manifest.groups, *limits, word)


def _split_word(found: trends.Resplit, has_groups: bool) -> OfSplit:
    if found.outside is None:
        return "unknown"
    if not found.outside:
        return "not shown"
    if found.difference > 0:
        return "easier than re-splits"
    return "contributes" if has_groups else "unresolved"


def _cause(params: Suite, name: str, main: pd.DataFrame, class_sizes: list[int]) -> CauseEntry:
    """What may be said of one cause: only a removing primary that was trained can say more than its absence."""
    title, primary = CAUSES[name], params.causes[name].primary
    if not is_present(name, params.train, class_sizes):
        why = {"augmentation": "the baseline has no augmentation", "imbalance": "the classes are balanced"}[name]
        return Untested(cause=name, title=title, primary=primary, verdict="not present", why=why)
    rows = _rows(main[(main.role == "primary") & (main.cause == name)])
    if not rows:
        why = "no variant that removes it was trained as its primary"
        return Untested(cause=name, title=title, primary=primary, verdict="not tested", why=why)
    row = rows[0]
    settle = row["replicates_to_settle"]
    same = ("variant", "n", "mean", "low", "high", "confidence", "wins", "material", "mde", "max_t_p")
    return CauseEffect(
        cause=name,
        title=title,
        primary=row["variant"],
        verdict=CAUSE_WORDS[row["verdict"]],
        **{key: row[key] for key in same},
        more_replicates=None if settle is None or math.isnan(settle) else max(0, int(settle) - int(row["n"])),
    )


def _price(params: Suite, measured: Measured, metric: str, manifest: Manifest) -> Price | None:
    """Gain per doubling of the training images at equal steps; None without two sizes."""
    declared = params.causes.get("data")
    arms = [arm for arm in (*declared.injects, *declared.removes) if arm in measured.loaded] if declared else []
    sizes = {arm: _images(params, arm, manifest) for arm in [BASELINE, *arms]}
    if len(set(sizes.values())) < 2:
        return None
    shared = set.intersection(*(set(measured.loaded[arm]["replicates"].tolist()) for arm in sizes))
    scores = [per_replicate(measured.values(arm, metric, sorted(shared))) for arm in sizes]
    gain = trends.price_of_data(
        list(sizes.values()), np.stack(scores, axis=1), redrawn=redrawn(measured.loaded[BASELINE])
    )
    target, headroom = params.diagnosis.target_gain, 1 - float(np.mean(scores[0]))
    return Price(
        sizes=sizes,
        extrapolated=max(sizes.values()) == sizes[BASELINE],
        per_doubling=gain,
        target_gain=target,
        headroom=headroom,
        images_needed=_images_needed(sizes[BASELINE], target, headroom, gain),
    )


def _images_needed(size: int, target: float, headroom: float, gain: Interval) -> ImagesNeeded:
    """What the trend says of the images that the target takes; beyond `FARTHEST` times the data it says nothing."""
    if target > headroom:
        return ImagesNeeded("more than is left to gain", *[math.nan] * 3)
    if math.isnan(gain.low) or math.isnan(gain.high):
        return ImagesNeeded("unknown", *[math.nan] * 3)
    images, low, high = (float(found) for found in trends.data_needed(size, target, gain))
    if images > FARTHEST * size:
        return ImagesNeeded("out of reach", *[math.nan] * 3)
    return ImagesNeeded("within reach", images, low, high if high <= FARTHEST * size else math.nan)


def _images(params: Suite, variant: str, manifest: Manifest) -> int:
    return round(manifest.train_size * params.variants[variant].train_size_factor)


def _remedy(params: Suite, contrasts: pd.DataFrame, metric: str, costs: Costs) -> Remedy | None:
    """The candidate chosen on the first block by validation, judged on the other blocks by test, and what it costs."""
    rows = {row["metric"]: row for row in _rows(contrasts[contrasts.role == "remedy"])}
    if not rows:
        return None
    row, nll = rows[metric], rows["nll"]
    name = row["variant"]
    same = ("variant", "verdict", "material", "n", "mean", "low", "high", "confidence", "wins", "mde")
    return Remedy(
        **{key: row[key] for key in same},
        nll=Estimate(nll["mean"], nll["low"], nll["high"]),
        diff=params.diffs[name],
        chosen_on_block=params.split.blocks[0],
        parameters=costs[name].parameters,
        steps=params.variants[name].steps,
        relative_compute=_relative_compute(params, name, costs),
    )


def _relative_compute(params: Suite, name: str, costs: Costs) -> float:
    """Steps times floating-point operations of the network, over the baseline's."""
    operations = {arm: params.variants[arm].steps * costs[arm].forward_flops for arm in (name, BASELINE)}
    return round(operations[name] / operations[BASELINE], 3)


def doses(params: Suite, loaded: dict[str, Run], costs: Costs, manifest: Manifest) -> dict[str, tuple[Dose, ...]]:
    """Variants along each dose, with their position: training images, parameters, or rank of a strength from 0."""
    found: dict[str, list[Dose]] = {}
    for name, position in (
        ("data", lambda arm: _images(params, arm, manifest)),
        ("capacity", lambda arm: costs[arm].parameters),
    ):
        if name in params.causes:
            cause = params.causes[name]
            arms = [BASELINE, *(arm for arm in (*cause.removes, *cause.injects) if arm in loaded)]
            found[name] = [Dose(arm, position(arm)) for arm in arms]
    for cause in params.causes.values():
        for name, strengths in cause.strengths.items():
            arms = [BASELINE, *(arm for arm in strengths if arm in loaded)]
            found[name] = [Dose(arm, rank) for rank, arm in enumerate(arms)]
    return {name: tuple(sorted(arms, key=lambda arm: arm.x)) for name, arms in found.items() if len(arms) > 1}


def underfit(contrasts: pd.DataFrame) -> list[str]:
    """Variants whose gap is small for the wrong reason: it, training and test accuracy all fall (intervals below 0)."""
    against = contrasts[(contrasts.against == BASELINE) & contrasts.role.isin(["primary", "exploratory"])]
    falls = {
        measure: set(against[(against.metric == measure) & (against.high < 0)].variant)
        for measure in ("accuracy", "train_accuracy", "gap")
    }
    return [name for name in against.variant.unique() if all(name in fallen for fallen in falls.values())]


def headline(verdict: Verdict) -> dict[str, Any]:
    """diagnosis.json: the few numbers and words that a reviewer compares. Fractions, rounded to 1e-6."""

    def effect(entry: CauseEntry | Remedy) -> dict[str, float]:
        if isinstance(entry, Untested):
            return {}
        numbers = {"mean": entry.mean, "low": entry.low, "high": entry.high}
        return {key: round(value, 6) for key, value in numbers.items() if math.isfinite(value)}

    content: dict[str, Any] = {
        "gap": round(verdict.gap.mean, 6),
        "overfitting": verdict.divergence.verdict,
        "causes": {entry.cause: {"verdict": entry.verdict, **effect(entry)} for entry in verdict.causes},
    }
    if verdict.data:
        content["gain_per_doubling"] = round(verdict.data.per_doubling.mean, 6)
    if verdict.remedy:
        remedy = verdict.remedy
        content["remedy"] = {"variant": remedy.variant, "verdict": remedy.verdict, **effect(remedy)}
    return content

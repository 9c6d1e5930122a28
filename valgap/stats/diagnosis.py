"""The verdict: from contrasts to what may be said of each cause, of the remedy, and what it would cost.

Pure functions; their results are verdict.json (all that the report says) and diagnosis.json (its headline).
"""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd

from valgap.ground.params.experiment import Augmentation, Train
from valgap.ground.params.suite import BASELINE, CAUSES, Suite
from valgap.stats import trends, verdicts
from valgap.stats.contrasts import IMBALANCED, Comparison, Measured, per_replicate, primary_metric, redrawn, table
from valgap.stats.intervals import Interval, over_replicates
from valgap.stats.operations import training_operations
from valgap.stats.run import Run

CAUSE_WORDS = {  # of a contrast's verdict, where the arm removes the cause from the baseline
    "helps": "contributes",
    "harms": "removing it harms",
    "no effect within the margin": "no effect within the margin",
    "inconclusive": "inconclusive",
    "unknown": "unknown",
}


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
    params: Suite,
    loaded: dict[str, Run],
    curves: dict[str, Any],
    manifest: dict[str, Any],
    costs: dict[str, dict[str, int]],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """(contrasts.csv, verdict.json).

    `curves` holds the baseline's `epochs` (P,) and `val_nll` (replicates, P); `costs` by variant the
    `parameters` and `forward_flops`.
    """
    measured = Measured(loaded)
    labels = loaded[BASELINE]["test_labels"][0]
    class_sizes = manifest["class_sizes"]
    metric = "balanced_accuracy" if is_present("imbalance", params.train, class_sizes) else primary_metric(labels)
    margin = verdicts.default_margin(params.diagnosis.margin, len(labels))
    contrasts = table(measured, comparisons(params, measured, class_sizes), metric, margin)
    main = contrasts[contrasts.metric == metric]
    everything = measured.loaded[BASELINE]["replicates"].tolist()
    folds = redrawn(loaded[BASELINE])
    divergence = trends.divergence(curves["epochs"], curves["val_nll"])
    content = {
        "metric": metric,
        "margin": margin,
        "replicates": len(everything),
        "covers": _covers(loaded[BASELINE], manifest),
        "block_size": params.split.block_size,
        "gap": _plain(over_replicates(measured.values(BASELINE, "gap", everything), redrawn=folds)),
        "divergence": {
            "verdict": {True: "problematic", False: "not shown", None: "unknown"}[divergence.rising],
            "slope": _plain(divergence.slope),
            "from_epoch": divergence.from_epoch,
        },
        "causes": [
            _split_cause(params, measured, manifest),
            *(_cause(params, name, main, class_sizes) for name in params.causes if name != "data"),
        ],
        "data": _price(params, measured, metric, manifest),
        "remedy": _remedy(params, contrasts, metric, costs),
        "injected": _records(main[(main.kind == "injects") & (main.against == BASELINE)]),
        "underfit": underfit(contrasts),
        "doses": doses(params, loaded, costs, manifest),
        "policies": {name: dataclasses.asdict(policy) for name, policy in params.train.evaluation_policies.items()},
    }
    return contrasts, content


def _plain(interval: Interval) -> dict[str, Any]:
    return {name: _number(value) for name, value in dataclasses.asdict(interval).items()}


def _number(value: Any) -> Any:
    """JSON has neither NaN nor infinity: null stands for what is unknown or unbounded."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    columns = ["variant", "against", "cause", "n", "mean", "low", "high", "confidence", "wins"]
    return [{name: _number(value) for name, value in row.items()} for row in rows[columns].to_dict("records")]


def _covers(run: Run, manifest: dict[str, Any]) -> dict[str, Any]:
    """What the replicates vary, for the words about intervals.

    `training` is `drawn`, or `whole` where every replicate trains on all that one test set and validation leave; `test`
    is `fixed` or `folds`; `groups` counts the groups of the test images, None where each image is its own.
    """
    groups = np.unique(run["test_groups"])
    return {
        "training": "whole" if manifest["whole_pool"] and not redrawn(run) else "drawn",
        "test": "folds" if redrawn(run) else "fixed",
        "groups": None if manifest["groups"] is None else len(groups),
    }


def _split_cause(params: Suite, measured: Measured, manifest: dict[str, Any]) -> dict[str, Any]:
    """Cause 0: whether the baseline scores otherwise on the given validation images than on re-splits.

    A given split is one draw, so it is placed by a prediction interval. Where groups are unknown a difference may as
    well come from re-splits that put one group on both sides: then nothing is said of the cause.
    """
    entry: dict[str, Any] = {"cause": "split", "title": "the split itself"}
    if not manifest["given_validation"]:
        return entry | {"verdict": "not applicable", "why": "the suite made the split"}
    arms = [name for name in measured.loaded if params.diffs[name] == {"resplit": True}]
    if not arms:
        return entry | {"verdict": "not tested", "why": "`variants` has no `resplit: {resplit: true}` to compare with"}
    numbers = measured.loaded[arms[0]]["replicates"].tolist()
    given = float(measured.values(BASELINE, "val_accuracy", numbers).mean())
    found = trends.prediction_difference(given, measured.values(arms[0], "val_accuracy", numbers))
    entry |= {"variant": arms[0], "n": len(numbers), "groups": manifest["groups"]}
    entry |= {"mean": found.difference, "low": _number(found.low), "high": _number(found.high)}
    if found.outside is None:
        return entry | {"verdict": "unknown"}
    if not found.outside:
        return entry | {"verdict": "not shown"}
    if found.difference > 0:
        return entry | {"verdict": "easier than re-splits"}
    return entry | {"verdict": "contributes" if manifest["groups"] is not None else "unresolved"}


def _cause(params: Suite, name: str, main: pd.DataFrame, class_sizes: list[int]) -> dict[str, Any]:
    """What may be said of one cause: only a removing primary that was trained can say more than its absence."""
    entry: dict[str, Any] = {"cause": name, "title": CAUSES[name], "primary": params.causes[name].primary}
    if not is_present(name, params.train, class_sizes):
        why = {"augmentation": "the baseline has no augmentation", "imbalance": "the classes are balanced"}[name]
        return entry | {"verdict": "not present", "why": why}
    rows = main[(main.role == "primary") & (main.cause == name)]
    if rows.empty:
        return entry | {"verdict": "not tested", "why": "no variant that removes it was trained as its primary"}
    row = {key: _number(value) for key, value in rows.iloc[0].to_dict().items()}
    settle = row["replicates_to_settle"]
    keys = ("variant", "n", "mean", "low", "high", "confidence", "wins", "material", "mde", "max_t_p")
    return entry | {
        "verdict": CAUSE_WORDS[row["verdict"]],
        **{key: row[key] for key in keys},
        "more_replicates": None if settle is None else max(0, int(settle) - int(row["n"])),
    }


def _price(params: Suite, measured: Measured, metric: str, manifest: dict[str, Any]) -> dict[str, Any] | None:
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
    target = params.diagnosis.target_gain
    needed = trends.data_needed(sizes[BASELINE], target, gain)
    return {
        "sizes": sizes,
        "extrapolated": max(sizes.values()) == sizes[BASELINE],
        "per_doubling": _plain(gain),
        "target_gain": target,
        "headroom": 1 - float(np.mean(scores[0])),
        "images_needed": [_number(float(value)) for value in needed],
    }


def _images(params: Suite, variant: str, manifest: dict[str, Any]) -> int:
    return round(manifest["train_size"] * params.variants[variant].train_size_factor)


def _remedy(
    params: Suite, contrasts: pd.DataFrame, metric: str, costs: dict[str, dict[str, int]]
) -> dict[str, Any] | None:
    """The candidate chosen on the first block by validation, judged on the other blocks by test, and what it costs."""
    rows = contrasts[contrasts.role == "remedy"]
    if rows.empty:
        return None
    by_metric = rows.set_index("metric")
    row = {key: _number(value) for key, value in by_metric.loc[metric].to_dict().items()}
    name = row["variant"]
    keys = ("variant", "verdict", "material", "n", "mean", "low", "high", "confidence", "wins", "mde")
    return {key: row[key] for key in keys} | {
        "nll": {key: _number(by_metric.loc["nll", key]) for key in ("mean", "low", "high")},
        "diff": params.diffs[name],
        "chosen_on_block": params.split.blocks[0],
        "parameters": costs[name]["parameters"],
        "steps": params.variants[name].steps,
        "relative_compute": _relative_compute(params, name, costs),
    }


def _relative_compute(params: Suite, name: str, costs: dict[str, dict[str, int]]) -> float:
    """Operations of a variant's training over those of the baseline's."""
    operations = {
        arm: training_operations(settings.steps, settings.batch_size, costs[arm]["forward_flops"])
        for arm, settings in ((arm, params.variants[arm]) for arm in (name, BASELINE))
    }
    return round(operations[name] / operations[BASELINE], 3)


def doses(
    params: Suite, loaded: dict[str, Run], costs: dict[str, dict[str, int]], manifest: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """Variants along each dose, with their position: training images, parameters, or rank of a strength from 0."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, position in (
        ("data", lambda arm: _images(params, arm, manifest)),
        ("capacity", lambda arm: costs[arm]["parameters"]),
    ):
        if name in params.causes:
            cause = params.causes[name]
            arms = [BASELINE, *(arm for arm in (*cause.removes, *cause.injects) if arm in loaded)]
            found[name] = [{"variant": arm, "x": position(arm)} for arm in arms]
    for cause in params.causes.values():
        for name, strengths in cause.strengths.items():
            arms = [BASELINE, *(arm for arm in strengths if arm in loaded)]
            found[name] = [{"variant": arm, "x": rank} for rank, arm in enumerate(arms)]
    return {name: sorted(arms, key=lambda arm: arm["x"]) for name, arms in found.items() if len(arms) > 1}


def underfit(contrasts: pd.DataFrame) -> list[str]:
    """Variants whose gap is small for the wrong reason: it, training and test accuracy all fall (intervals below 0)."""
    against = contrasts[(contrasts.against == BASELINE) & contrasts.role.isin(["primary", "exploratory"])]
    falls = {
        measure: set(against[(against.metric == measure) & (against.high < 0)].variant)
        for measure in ("accuracy", "train_accuracy", "gap")
    }
    return [name for name in against.variant.unique() if all(name in fallen for fallen in falls.values())]


def headline(verdict: dict[str, Any]) -> dict[str, Any]:
    """diagnosis.json: the few numbers and words that a reviewer compares. Fractions, rounded to 1e-6."""

    def effect(entry: dict[str, Any]) -> dict[str, Any]:
        numbers = {key: entry[key] for key in ("mean", "low", "high") if entry.get(key) is not None}
        return {key: round(value, 6) for key, value in numbers.items()}

    content: dict[str, Any] = {
        "gap": round(verdict["gap"]["mean"], 6),
        "overfitting": verdict["divergence"]["verdict"],
        "causes": {entry["cause"]: {"verdict": entry["verdict"], **effect(entry)} for entry in verdict["causes"]},
    }
    if verdict["data"]:
        content["gain_per_doubling"] = round(verdict["data"]["per_doubling"]["mean"], 6)
    if verdict["remedy"]:
        remedy = verdict["remedy"]
        content["remedy"] = {"variant": remedy["variant"], "verdict": remedy["verdict"], **effect(remedy)}
    return content

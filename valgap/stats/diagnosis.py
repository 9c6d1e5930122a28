"""The verdict: from contrasts to what may be said of each cause, of the remedy, and what it would cost.

Pure functions; their results are verdict.json (all that the report says) and diagnosis.json (its headline).
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from valgap.data.prepared import Manifest
from valgap.ground.params.causes import CAUSES, Cause
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Plain
from valgap.stats import trends, verdicts
from valgap.stats.contrasts import Measured, primary_metric, redrawn, table
from valgap.stats.family import comparisons
from valgap.stats.intervals import Interval, over_replicates
from valgap.stats.operations import Costs, training_operations
from valgap.stats.price import price
from valgap.stats.run import Run
from valgap.stats.verdict import (
    CauseEffect,
    CauseEntry,
    Covers,
    Divergence,
    Dose,
    Estimate,
    Injected,
    Remedy,
    SplitEffect,
    Untested,
    Verdict,
)
from valgap.stats.words import CAUSE_WORDS, OfLoss, OfSplit

LATE_LOSS: dict[bool | None, OfLoss] = {True: "problematic", False: "not shown", None: "unknown"}


def diagnose(
    params: Suite, loaded: dict[str, Run], curves: Plain, manifest: Manifest, costs: Costs
) -> tuple[pd.DataFrame, Verdict]:
    """(contrasts.csv, verdict.json).

    `curves` holds the baseline's `epochs` (P,) and `val_nll` (replicates, P).
    """
    measured = Measured(loaded)
    labels = loaded[BASELINE]["test_labels"][0]
    class_sizes = manifest.class_sizes
    unequal = any(cause.by_class and cause.present(params.train, class_sizes) for cause in CAUSES.values())
    metric = "balanced_accuracy" if unequal else primary_metric(labels)
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
            *(_cause(params, cause, main, class_sizes) for cause in params.judged),
        ),
        data=price(params, measured, metric, manifest),
        remedy=_remedy(params, contrasts, metric, costs),
        injected=tuple(_injected(row) for row in _rows(main[(main.kind == "injects") & (main.against == BASELINE)])),
        underfit=tuple(underfit(contrasts)),
        doses=doses(params, loaded, costs, manifest),
        policies=policies,
    )


def _rows(frame: pd.DataFrame) -> list[Plain]:
    """Rows of a table as mappings of Python's own values."""
    rows: list[Plain] = frame.to_dict("records")
    return rows


def _injected(row: Plain) -> Injected:
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


def _cause(params: Suite, cause: Cause, main: pd.DataFrame, class_sizes: Sequence[int]) -> CauseEntry:
    """What may be said of one cause: only a removing primary that was trained can say more than its absence."""
    name, title, primary = cause.name, cause.title, params.causes[cause.name].primary
    if not cause.present(params.train, class_sizes):
        return Untested(cause=name, title=title, primary=primary, verdict="not present", why=cause.absent)
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
    """Operations of a variant's training over those of the baseline's."""
    operations = {
        arm: training_operations(settings.steps, settings.batch_size, costs[arm].forward_flops)
        for arm, settings in ((arm, params.variants[arm]) for arm in (name, BASELINE))
    }
    return round(operations[name] / operations[BASELINE], 3)


def doses(params: Suite, loaded: dict[str, Run], costs: Costs, manifest: Manifest) -> dict[str, tuple[Dose, ...]]:
    """Variants along each dose, with their position: training images, parameters, or rank of a strength from 0."""
    found: dict[str, list[Dose]] = {}
    for name, cause in params.causes.items():
        if axis := CAUSES[name].axis:
            arms = [BASELINE, *(arm for arm in (*cause.removes, *cause.injects) if arm in loaded)]
            found[name] = [
                Dose(arm, axis.place(params.variants[arm], manifest.train_size, costs[arm].parameters)) for arm in arms
            ]
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


def headline(verdict: Verdict) -> Plain:
    """diagnosis.json: the few numbers and words that a reviewer compares. Fractions, rounded to 1e-6."""
    numbers = effects(verdict)
    content: Plain = {
        "gap": numbers["gap"]["mean"],
        "overfitting": verdict.divergence.verdict,
        "causes": {entry.cause: {"verdict": entry.verdict} | numbers.get(entry.cause, {}) for entry in verdict.causes},
    }
    if verdict.data:
        content["gain_per_doubling"] = numbers["doubling"]["mean"]
    if verdict.remedy:
        remedy = verdict.remedy
        content["remedy"] = {"variant": remedy.variant, "verdict": remedy.verdict, **numbers["remedy"]}
    return content


def effects(verdict: Verdict) -> dict[str, dict[str, float]]:
    """The effect of each cause that was measured, of the remedy and of a doubling of the images, and the gap itself.

    Each with its limits where they are known. Fractions, rounded to 1e-6.
    """
    found: dict[str, SplitEffect | CauseEffect | Remedy | Interval] = {"gap": verdict.gap}
    found |= {entry.cause: entry for entry in verdict.causes if not isinstance(entry, Untested)}
    if verdict.data:
        found["doubling"] = verdict.data.per_doubling
    if verdict.remedy:
        found["remedy"] = verdict.remedy
    return {name: _limits(entry) for name, entry in found.items()}


def _limits(entry: SplitEffect | CauseEffect | Remedy | Interval) -> dict[str, float]:
    numbers = {"mean": entry.mean, "low": entry.low, "high": entry.high}
    return {name: round(value, 6) for name, value in numbers.items() if math.isfinite(value)}

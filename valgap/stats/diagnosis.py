"""The verdict: from predictions and learning curves to why the gap is there, and what would close it.

Pure functions; their results are contrasts.csv, verdict.json (all that the report says) and diagnosis.json (its
headline).
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from valgap.data.prepared import Manifest
from valgap.ground.params.causes import CAUSES
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Plain
from valgap.stats import trends, verdicts
from valgap.stats.answering import answer
from valgap.stats.baseline import collapsed, trained
from valgap.stats.chain import Chain, explain
from valgap.stats.contrasts import Comparison, pair, table
from valgap.stats.doses import doses, underfit
from valgap.stats.hypotheses import LABELS, Hypothesis, Proposal, candidates, causes_of, hypotheses
from valgap.stats.judging import Bench, Judged, judge
from valgap.stats.measured import Measured, per_replicate, primary_metric, redrawn
from valgap.stats.operations import Costs
from valgap.stats.price import price
from valgap.stats.remedies import remedies, simultaneous
from valgap.stats.run import Run
from valgap.stats.seen import Seen
from valgap.stats.sharing import shares
from valgap.stats.splitting import gap_of, split_cause
from valgap.stats.suspicion import any_suspected, are_wrong, labels_of
from valgap.stats.symptom import reproduction
from valgap.stats.verdict import (
    Answer,
    CauseEffect,
    CauseEntry,
    Covers,
    Divergence,
    Estimate,
    FollowUp,
    Injected,
    Labels,
    Untested,
    Verdict,
)
from valgap.stats.words import OfLoss, Reason

SUFFIX: dict[Reason, str] = {"together": "", "more steps": "_longer", "wider": "_wider"}  # of a follow-up arm's name
LATE_LOSS: dict[bool | None, OfLoss] = {True: "problematic", False: "not shown", None: "unknown"}


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that a diagnosis is made from, by variant.

    `curves` are learning curves with the columns replicate, step, epoch, train_accuracy and val_nll. `references` are
    scores of the 1-nearest neighbour on test images by metric and replicate; `problems` the codes of those findings of
    the audit that are problems; `seen` what made the user come, if it was said.
    """

    loaded: dict[str, Run]
    curves: Mapping[str, pd.DataFrame]
    manifest: Manifest
    costs: Costs
    references: Mapping[str, Mapping[int, float]]
    problems: Collection[str]
    seen: Seen | None = None


def diagnose(params: Suite, evidence: Evidence) -> tuple[pd.DataFrame, Verdict]:
    """(contrasts.csv, verdict.json)."""
    loaded, manifest = evidence.loaded, evidence.manifest
    measured, sizes = Measured(loaded), manifest.class_sizes
    metric, margin = metric_of(params, loaded[BASELINE], sizes), margin_of(params, loaded[BASELINE])
    labels = labels_of(manifest.suspected, manifest.disputed)
    listed = hypotheses(params, loaded, sizes, any_suspected(manifest.suspected))
    tested = [each for each in listed if isinstance(each, Hypothesis)]
    bench = Bench(params, measured, evidence.curves, collapsed(loaded[BASELINE]), metric, margin)
    judged = [_known(each, labels) for each in judge(bench, tested)]
    chain = explain(params, measured, judged, metric, margin)
    effects = {effect.cause: effect for effect in chain.effects}
    gap = gap_of(loaded[BASELINE])
    split = split_cause(params, measured, manifest, gap, evidence.problems, margin, bench.collapsed)
    score = float(per_replicate(measured.values(BASELINE, metric, measured.replicates(BASELINE))).mean())
    parts, missing = shares(params, measured, [effects[cause] for cause in chain.causes], metric, score)
    data = price(params, measured, metric, manifest)
    named = answer(split, labels, chain.effects, parts, data, margin)
    compared = simultaneous(measured, candidates(params, loaded))
    contrasts = table(measured, _confirmed(judged, chain), [*compared, *_others(params, measured)], metric, margin)
    proposals = [*(each for found in judged for each in found.proposals), *chain.proposals, *missing]
    return contrasts, Verdict(
        metric=metric,
        margin=margin,
        replicates=len(measured.replicates(BASELINE)),
        covers=_covers(loaded[BASELINE], manifest),
        block_size=params.split.block_size,
        score=score,
        gap=gap,
        baseline=trained(measured, metric, evidence.references.get(metric, {}), bench.collapsed),
        divergence=_divergence(evidence.curves[BASELINE]),
        answer=named,
        causes=(split, *_entries(listed, effects)),
        labels=labels,
        shares=parts,
        data=data,
        remedies=remedies(params, measured, compared, metric, evidence.costs),
        injected=_injected(contrasts, metric),
        underfit=tuple(underfit(params, contrasts)),
        follow_up=_follow_up(params, proposals),
        doses=doses(params, loaded, evidence.costs, manifest),
        policies={name: dataclasses.asdict(each) for name, each in params.train.evaluation_policies.items()},
        symptom=reproduction(params, evidence.seen, loaded[BASELINE], gap, margin),
    )


def _known(judged: Judged, labels: Labels) -> Judged:
    """Labels that are wrong contribute, whatever leaving the suspected ones out gains: it leaves too few, or others."""
    if judged.effect.cause != LABELS or not are_wrong(labels):
        return judged
    return dataclasses.replace(judged, effect=dataclasses.replace(judged.effect, verdict="contributes"))


def metric_of(params: Suite, run: Run, class_sizes: Sequence[int]) -> str:
    """The metric on which the verdict rests: balanced accuracy where classes are unequal, in training or in test."""
    unequal = any(cause.by_class and cause.present(params.train, class_sizes) for cause in CAUSES.values())
    return "balanced_accuracy" if unequal else primary_metric(run["test_labels"][0])


def margin_of(params: Suite, run: Run) -> float:
    """What counts as no effect, as a fraction: never under two test images."""
    return verdicts.default_margin(params.diagnosis.margin, len(run["test_labels"][0]))


def _entries(listed: Sequence[Hypothesis | Untested], effects: Mapping[str, CauseEffect]) -> list[CauseEntry]:
    return [each if isinstance(each, Untested) else effects[each.name] for each in listed]


def _confirmed(judged: Sequence[Judged], chain: Chain) -> list[tuple[Comparison, str]]:
    """The comparisons that carry a word: each cause's own, and those once others are removed."""
    words = {effect.cause: effect.verdict for effect in chain.effects}
    return [*((each.comparison, words[each.effect.cause]) for each in judged), *chain.comparisons]


def _others(params: Suite, measured: Measured) -> list[Comparison]:
    """Every variant against the baseline, and remedies of an injected cause against what injects it: exploratory."""
    listed, found = causes_of(params), []
    for variant in measured.loaded:
        if variant == BASELINE:
            continue
        cause, kind = listed.get(variant, ("", ""))
        found.append(pair(measured, variant, BASELINE, cause=cause, kind=kind))
        injects = params.causes[cause].injects[:1] if kind == "remedies" else ()
        found += [pair(measured, variant, each, cause=cause, kind=kind) for each in injects if each in measured.loaded]
    return found


def _injected(contrasts: pd.DataFrame, metric: str) -> tuple[Injected, ...]:
    rows = contrasts[(contrasts.metric == metric) & (contrasts.kind == "injects") & (contrasts.role == "exploratory")]
    names = [field.name for field in dataclasses.fields(Injected)]
    found: list[dict[str, Any]] = rows[rows.against == BASELINE][names].to_dict("records")
    return tuple(Injected(**row) for row in found)


def _follow_up(params: Suite, proposals: Sequence[Proposal]) -> tuple[FollowUp, ...]:
    """The arms that are missing, each once, under names that no variant has."""
    found: list[FollowUp] = []
    for each in proposals:
        name = "_and_".join(each.of) + SUFFIX[each.why]
        known = [other.diff for other in found] + [params.diffs[variant] for variant in params.cells]
        if each.diff not in known:
            taken = {*params.diffs, *(other.variant for other in found)}
            while name in taken:
                name += "_again"
            found.append(FollowUp(name, each.diff, each.why, each.of))
    return tuple(found)


def _covers(run: Run, manifest: Manifest) -> Covers:
    groups = len(np.unique(run["test_groups"]))
    return Covers(
        training="whole" if manifest.whole_pool and not redrawn(run) else "drawn",
        test="folds" if redrawn(run) else "fixed",
        groups=None if manifest.groups is None else groups,
    )


def _divergence(curve: pd.DataFrame) -> Divergence:
    """Whether the loss on validation images rises over the last half of a learning curve."""
    wide = curve.pivot(index="replicate", columns="epoch", values="val_nll")
    late = trends.divergence(wide.columns.to_numpy(float), wide.to_numpy(float))
    return Divergence(LATE_LOSS[late.rising], late.slope, late.from_epoch)


def headline(verdict: Verdict) -> Plain:
    """diagnosis.json: the few numbers and words that a reviewer compares. Fractions, rounded to 1e-6."""
    numbers = effects(verdict)
    return {
        "gap": numbers["gap"]["mean"],
        "overfitting": verdict.divergence.verdict,
        "answer": [each.cause for each in verdict.answer],
        "causes": {entry.cause: {"verdict": entry.verdict} | numbers.get(entry.cause, {}) for entry in verdict.causes},
        "remedies": [each.variant for each in verdict.remedies.best],
    } | ({"gain_per_doubling": numbers["doubling"]["mean"]} if verdict.data else {})


def effects(verdict: Verdict) -> dict[str, dict[str, float]]:
    """The effect of each cause that was measured, of each remedy and of a doubling of the images, and the gap's parts.

    Each with its limits where they are known. Fractions, rounded to 1e-6.
    """
    gap = verdict.gap
    found: dict[str, Any] = {"gap": gap.train_val, "train_minus_test": gap.train_test, "test_minus_val": gap.test_val}
    found |= {entry.cause: entry for entry in verdict.causes if not isinstance(entry, Untested)}
    if verdict.data:
        found["doubling"] = verdict.data.per_doubling
    if verdict.remedies.best:
        found["remedy"] = verdict.remedies.best[0]
    return {name: _limits(entry) for name, entry in found.items()}


def _limits(entry: Answer | CauseEffect | Estimate) -> dict[str, float]:
    numbers = {"mean": entry.mean, "low": entry.low, "high": entry.high}
    return {name: round(value, 6) for name, value in numbers.items() if math.isfinite(value)}

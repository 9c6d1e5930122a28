"""The report's first screen as plain text, from verdict.json and the tables; report.md and report.html both show it.

No p-values, and no claim beyond what an intervention showed. Code stands in backticks.
"""

import dataclasses
import math

import pandas as pd
import yaml

from valgap.document.numbers import effect, percent, pp, signed
from valgap.report.frames import metric_words
from valgap.results.provenance import Provenance
from valgap.results.summary import BASELINE, cell
from valgap.stats.verdict import (
    CauseEffect,
    CauseEntry,
    Covers,
    Estimate,
    Price,
    Remedy,
    SplitEffect,
    Untested,
    Verdict,
)


@dataclasses.dataclass(frozen=True)
class CauseLine:
    """One suspected cause: what the suite says of it, and on what evidence."""

    title: str
    verdict: str
    evidence: str


@dataclasses.dataclass(frozen=True)
class FirstScreen:
    """What a reader needs who reads nothing else. `params_diff` is YAML to paste, empty without a remedy that helps."""

    headline: str
    paragraphs: tuple[str, ...]
    causes: tuple[CauseLine, ...]
    params_diff: str
    next_steps: tuple[str, ...]


def first_screen(verdict: Verdict, summary: pd.DataFrame, provenance: Provenance) -> FirstScreen:
    """The first screen of a report."""
    remedy = verdict.remedy
    helpful = remedy if remedy and remedy.verdict == "helps" else None
    return FirstScreen(
        headline=_headline(verdict, helpful),
        paragraphs=(
            _gap(verdict, summary),
            _divergence(verdict),
            _remedy(verdict, helpful is not None),
            *_underfits(verdict),
        ),
        causes=(
            *(_cause(entry, verdict.underfit, metric_words(verdict)) for entry in verdict.causes),
            *_data(verdict),
        ),
        params_diff=yaml.safe_dump({"train": helpful.diff}, default_flow_style=None, sort_keys=False)
        if helpful
        else "",
        next_steps=(*_settle(verdict), *_not_tested(provenance)),
    )


def _params_diff(remedy: Remedy) -> str:
    return yaml.safe_dump({"train": remedy.diff}, default_flow_style=None, sort_keys=False)


def _headline(verdict: Verdict, helpful: Remedy | None) -> str:
    gap, metric = f"Gap {pp(verdict.gap.mean)} pp", metric_words(verdict)
    if helpful:
        return f"{gap}. `{helpful.variant}` raises {metric} by {effect(helpful)}."
    contributing = [entry.title for entry in verdict.causes if entry.verdict == "contributes"]
    if contributing:
        return f"{gap}. Shown to contribute: {', '.join(contributing)}."
    none = f"{gap}. No tested remedy is shown to raise {metric}"
    data = verdict.data
    if data and data.per_doubling.low > 0:
        gain = f"{signed(data.per_doubling.mean)} pp a doubling"
        more = f"would, by {gain} if the trend went on" if data.extrapolated else f"does, by {gain}"
        return f"{none}; more data {more}."
    return f"{none}."


def _gap(verdict: Verdict, summary: pd.DataFrame) -> str:
    train, val, test = (cell(summary, BASELINE, split, "accuracy") for split in ("train", "val", "test"))
    assert train is not None
    assert val is not None
    assert test is not None
    low = verdict.gap.low
    limits = "" if math.isnan(low) else f" ({pp(low)} to {pp(verdict.gap.high)})"
    if math.isnan(low):
        real = "One replicate has no interval: nothing is known of how sure any of this is."
    else:
        real = "The gap is real." if low > 0 else "No gap is shown: its interval includes 0."
    return (
        f"{real} Scored alike, in inference mode and without augmentation, the baseline gets "
        f"{percent(train.mean)} of its training images right and {percent(val.mean)} of validation images: "
        f"{pp(verdict.gap.mean)} pp{limits} over {verdict.replicates} replicates. On test images, which no "
        f"choice has touched, it gets {percent(test.mean)}.{_covers(verdict.covers)}"
    )


def _covers(covers: Covers) -> str:
    """What intervals speak for, where it is not the usual: training sets drawn anew, one fixed test set of images."""
    words = ""
    if covers.training == "whole":
        words += (
            " Every replicate trains on all images that the other splits leave: replicates vary seeds and validation, "
            "and intervals say nothing of other training images."
        )
    if covers.test == "folds":
        words += " Folds take turns as the test set, and intervals allow for what their training sets share."
    elif covers.groups is not None:
        words += f" Test intervals count {covers.groups:,} groups, not images."
    return words


def _divergence(verdict: Verdict) -> str:
    found = verdict.divergence
    if found.verdict == "problematic":
        return (
            "Overfitting is problematic: validation loss rises over the last half of training, and was lowest at "
            f"epoch {found.from_epoch:.0f}. From there on the network gets surer of its mistakes."
        )
    if found.verdict == "not shown":
        return (
            "Validation loss is not shown to rise over the last half of training: training longer does not worsen it."
        )
    return "Whether validation loss rises late in training is unknown: it takes two replicates."


def _remedy(verdict: Verdict, helps: bool) -> str:
    remedy, metric = verdict.remedy, metric_words(verdict)
    if remedy is None:
        return "No remedy can be named: one is chosen on the first block and judged on others, and there is no other."
    judged = f"chosen by validation on block {remedy.chosen_on_block}, judged by test on {remedy.n} other replicates"
    cost = (
        f"It costs {remedy.relative_compute:g}× the baseline's computation: {remedy.steps:,} steps of "
        f"{remedy.parameters:,} parameters.{_loss(remedy.nll)}"
    )
    if helps:
        sure = "more than" if remedy.material else "though not shown to be more than"
        return (
            f"Do this: `{remedy.variant}` recovers {effect(remedy)} of {metric} ({judged}), {sure} the "
            f"margin of {pp(verdict.margin)} pp. The rest of the gap remains. {cost}"
        )
    return (
        f"The most promising of the tested remedies, `{remedy.variant}` ({judged}), changed {metric} by "
        f"{effect(remedy)}: {remedy.verdict}. {cost}"
    )


def _loss(nll: Estimate) -> str:
    """The change of test loss: accuracy may stand still while confidence gets better earned."""
    mean, low, high = nll.mean, nll.low, nll.high
    if math.isnan(low):
        return ""
    shown = f" Test loss changed by {mean:+.2f} nats ({low:+.2f} to {high:+.2f})"
    return shown.replace("-", "−") + (": its confidence is better earned." if high < 0 else ".")


def _underfits(verdict: Verdict) -> list[str]:
    names = [f"`{name}`" for name in verdict.underfit]
    if not names:
        return []
    return [
        f"A small gap is no merit by itself: with {', '.join(names)} training accuracy falls together with test "
        "accuracy. At this budget that is underfitting, not a cure."
    ]


def _cause(entry: CauseEntry, underfit: tuple[str, ...], metric: str) -> CauseLine:
    if isinstance(entry, Untested):
        return CauseLine(entry.title, entry.verdict, entry.why)
    if isinstance(entry, SplitEffect):
        return _split(entry)
    evidence = f"`{entry.variant}` changed {metric} by {effect(entry)}, higher in {entry.wins} replicates"
    if entry.verdict == "inconclusive":
        evidence += f"; an effect of {pp(entry.mde)} pp would have been found with 80% probability"
    if entry.verdict == "removing it harms" and entry.variant in underfit:
        evidence += "; training accuracy fell too: after as many steps it underfits, and more steps were not tried"
    if entry.verdict == "contributes" and entry.material:
        return CauseLine(entry.title, "contributes materially", evidence)
    return CauseLine(entry.title, entry.verdict, evidence)


def _split(entry: SplitEffect) -> CauseLine:
    """The given split among re-splits: one draw among many, so the limits are those of a prediction."""
    limits = "" if math.isnan(entry.high) else f", where chance leaves it within ±{pp(entry.high)} pp"
    evidence = (
        f"validation accuracy on the given split is {signed(entry.mean)} pp from that of {entry.n} re-splits of "
        f"the same images{limits}"
    )
    known = entry.groups is not None
    remark = {
        "contributes": "; the given validation images differ from the training images in more than luck",
        "unresolved": (
            "; either they differ in more than luck, or re-splits put one patient, camera or session on both sides: "
            "declare `data.group_column` or `data.group_pattern`. Until then a random re-split is no cure"
        ),
        "easier than re-splits": "; look for leakage in the data audit",
        "not shown": "" if known else "; groups are unknown, and re-splits may leak where there are some",
        "unknown": "; it takes two re-splits",
    }
    return CauseLine(entry.title, entry.verdict, evidence + remark[entry.verdict])


def _data(verdict: Verdict) -> list[CauseLine]:
    data = verdict.data
    if data is None:
        return []
    size = data.sizes[BASELINE]
    evidence = f"{effect(data.per_doubling)} for each doubling of {size:,} training images, at equal steps"
    if data.extrapolated:
        evidence += ", measured on fewer: the baseline has all there are, so more is an extrapolation"
    return [CauseLine("insufficient data", "has a price", f"{evidence}; {_images_needed(data)}")]


def _images_needed(data: Price) -> str:
    needed, target = data.images_needed, f"+{pp(data.target_gain)} pp"
    if needed.reach == "more than is left to gain":
        return f"{target} is more than the {pp(data.headroom)} pp that are left to gain"
    if needed.reach == "unknown":
        return f"how many images {target} would take is unknown"
    if needed.reach == "out of reach":
        return f"{target} is out of reach of this trend"
    low, high = _images(needed.low), "any number more" if math.isnan(needed.high) else _images(needed.high)
    joint = "or" if math.isnan(needed.high) else "to"
    return f"{target} would take about {_images(needed.images)} images ({low} {joint} {high}) if the trend went on"


def _images(count: float) -> str:
    """Two significant digits, with thousands separators: it is an extrapolation."""
    digits = max(0, math.floor(math.log10(count)) - 1)
    return f"{round(count, -digits):,.0f}"


def _settle(verdict: Verdict) -> list[str]:
    steps = []
    for entry in verdict.causes:
        if not isinstance(entry, CauseEffect) or entry.verdict != "inconclusive":
            continue
        more = entry.more_replicates
        if more is None:
            steps.append(f"More replicates cannot settle {entry.title}: it takes more test images.")
            continue
        blocks = max(1, -(-more // verdict.block_size))
        runs = 2 * blocks * verdict.block_size
        steps.append(
            f"To find an effect of {pp(verdict.margin)} pp of {entry.title} with 80% probability: "
            f"`make more ARM={entry.variant} BLOCKS={blocks}` (at most {runs} runs, baseline included; it says how "
            "long they take here)."
        )
    return steps


def _not_tested(provenance: Provenance) -> list[str]:
    names = [f"`{name}`" for name in provenance.not_trained]
    if not names:
        return []
    return [
        f"Not tested: {', '.join(names)}. `split.exploratory_blocks` trains them; `make plan` says what that takes."
    ]

"""The title of the report: why, in one sentence, the largest cause first, and what to do about it."""

import math

from valgap.document.numbers import is_unknown
from valgap.document.text import joined
from valgap.ground.params.causes import CAUSES, Cause
from valgap.report.inputs import Inputs
from valgap.report.words import sentence
from valgap.stats.verdict import Answer, CauseEffect, SplitEffect, Untested

NAMED = 4  # names of one kind in the title; it counts the others
ACQUITTED = "not to blame"
MAJORITY = 0.5  # of the error, from which on a cause is most of it


def headline(inputs: Inputs) -> str:
    """What collapsed, what is to blame with its size, what is not, and the remedies that help."""
    said = [_collapsed(inputs), _why(inputs), _remedies(inputs)]
    return " ".join(filter(None, said))


def gap_words(inputs: Inputs) -> str:
    """Whether there is a gap, for use within a sentence."""
    verdict = inputs.verdict
    is_none_left = len(verdict.baseline.collapsed) == verdict.baseline.replicates
    return sentence("gap_words", gap=verdict.gap.train_val, collapsed=is_none_left)


def mostly_below_reference(inputs: Inputs) -> int:
    """Replicates of the baseline under their 1-nearest-neighbour reference, 0 unless they are more than half."""
    baseline = inputs.verdict.baseline
    below = baseline.below_reference or 0
    return below if 2 * below > baseline.replicates else 0


def acquitted(inputs: Inputs) -> list[str]:
    """What is not to blame: the subjects of causes acquitted in every direction that was tested, and the split."""
    found = [cause.subject for cause in CAUSES.values() if _is_acquitted(inputs, cause)]
    return [*found[: NAMED - 1], "the split"] if _split_is_acquitted(inputs) else found[:NAMED]


def _collapsed(inputs: Inputs) -> str:
    baseline = inputs.verdict.baseline
    if not baseline.collapsed:
        return ""
    return sentence("collapsed", collapsed=len(baseline.collapsed), runs=baseline.replicates)


def _why(inputs: Inputs) -> str:
    found = inputs.verdict.answer
    first = [_of_split(inputs, answer) for answer in found if answer.kind == "gap"]
    others = [answer for answer in found if answer.kind != "gap"]
    if not found:
        return _nothing(inputs)
    phrases = [_phrase(inputs, answer, place == 0) for place, answer in enumerate(others)]
    lead = "then" if first else _lead(inputs, others) if others else ""
    waiting = [entry for entry in inputs.verdict.causes if entry.verdict == "waits"]
    return sentence(
        "why", first=first, lead=lead, phrases=phrases, acquitted=_subjects(acquitted(inputs)), waits=bool(waiting)
    )


def _of_split(inputs: Inputs, answer: Answer) -> str:
    word = answer.verdict
    said = {"leaks": "leaks" in word, "probably": "probably" in word}
    said |= {"unresolved": word == "unresolved", "mix": word == "class mix"}
    return sentence("answer_gap", answer=answer, **said, gap=inputs.verdict.gap.train_val.mean)


def _phrase(inputs: Inputs, answer: Answer, is_first: bool) -> str:
    """A cause with its size, of the metric where it is the first to be named."""
    extrapolated = inputs.verdict.data is not None and inputs.verdict.data.extrapolated
    metric = inputs.metric if is_first else ""
    return sentence(f"answer_{answer.kind}", answer=answer, metric=metric, extrapolated=extrapolated)


def _lead(inputs: Inputs, answers: list[Answer]) -> str:
    """How much the first cause is: at least this where one that is open may be larger, mostly, or above all."""
    size = answers[0].mean
    open_ = [e for e in inputs.verdict.causes if isinstance(e, CauseEffect) and e.verdict == "inconclusive"]
    if any(not is_unknown(entry.high) and entry.high > size and entry.mean > size for entry in open_):
        return "At least"
    is_most = answers[0].kind == "doubling" or size >= MAJORITY * (1 - inputs.verdict.score)
    return "Mostly" if is_most else "Above all"


def _nothing(inputs: Inputs) -> str:
    """What can be said where no cause is named: what would have been found, and whether there is a gap."""
    verdict = inputs.verdict
    judged = [entry for entry in verdict.causes if isinstance(entry, CauseEffect)]
    is_open = [entry.mde for entry in judged if entry.verdict == "inconclusive"]
    return sentence(
        "nothing_named",
        below=mostly_below_reference(inputs),
        replicates=verdict.baseline.replicates,
        metric=inputs.metric,
        margin=verdict.margin,
        tested=bool(judged) or verdict.data is not None,
        single=verdict.replicates < 2,
        missed=max([mde for mde in is_open if not is_unknown(mde)], default=math.nan),
        acquitted=_subjects(acquitted(inputs)),
        unfair=any(entry.verdict in ("waits", "not tested fairly") for entry in judged),
        gap=gap_words(inputs),
    )


def _remedies(inputs: Inputs) -> str:
    best = inputs.verdict.remedies.best
    if not best:
        return ""
    names = [remedy.variant for remedy in best]
    shown = (
        joined(names) if len(names) <= NAMED else f"{joined(names[: NAMED - 1])} and {len(names) - NAMED + 1} others"
    )
    means = [remedy.mean for remedy in best]
    return sentence("best", names=shown, several=len(best) > 1, low=min(means), high=max(means), metric=inputs.metric)


def _is_acquitted(inputs: Inputs, cause: Cause) -> bool:
    """Whether the cause is, and its opposite where it was tested."""
    opposite = cause.opposite.name if cause.opposite else ""
    entries = {entry.cause: entry for entry in inputs.verdict.causes if not isinstance(entry, Untested)}
    tested = [entries[name] for name in (cause.name, opposite) if name in entries]
    return cause.name in entries and all(entry.verdict == ACQUITTED for entry in tested)


def _split_is_acquitted(inputs: Inputs) -> bool:
    """Whether the given split is shown to cost less than the margin, and the audit has nothing against it."""
    splits = [entry for entry in inputs.verdict.causes if isinstance(entry, SplitEffect)]
    return any(
        entry.verdict == "not shown"
        and not entry.audit
        and not is_unknown(entry.alike.high)
        and entry.alike.high < inputs.verdict.margin
        for entry in splits
    )


def _subjects(subjects: list[str]) -> str:
    """`the size of the network, its training and the split are`, for a sentence; empty of none."""
    if not subjects:
        return ""
    first = subjects[0].replace("its ", "the network's ", 1) if subjects[0].startswith("its ") else subjects[0]
    *others, last = [first, *subjects[1:]]
    plural = bool(others) or last == CAUSES["labels"].subject
    return f"{' and '.join(filter(None, (', '.join(others), last)))} {'are' if plural else 'is'}"

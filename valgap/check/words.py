"""The words of a check: its verdict, and what stands out. Pure functions to text.

Text is plain, with what users named in backticks, where `reviewing.markdown.plain` has made it harmless. No cause is
claimed: a check changes nothing, so it can only say what is there.
"""

import math

from valgap.check.prediction import POOL
from valgap.check.result import Result
from valgap.document.markdown import plain
from valgap.document.numbers import number, percent, pp, shares

MARGIN = 0.02  # of accuracy: what the suite's own params.yaml calls no effect
LOW = 0.1  # training error from which on the model counts as underfitting, where it is more than the gap
NEAR_CHANCE = 0.1  # of the way from chance to perfect recall
NAMED = {"train": "training", "val": "validation", "test": "test", POOL: "all"}

Observation = tuple[str, str]  # title, text


def named(value: object) -> str:
    """What a user named, in backticks on one line."""
    return f"`{plain(value) or ' '}`"


def measure(result: Result) -> str:
    """What the gap is of."""
    return "balanced accuracy" if result.balanced else "accuracy"


def judged(result: Result) -> str:
    """What images off training are called here."""
    return NAMED[result.held_out or result.fitted]


def verdict(result: Result) -> str:
    """The check in a sentence or two."""
    if result.reordered:
        return "The classes stand in another order than the folders: mend that first, no score below counts."
    if result.gap is None:
        only = result.scores[result.fitted].accuracy
        return f"No gap can be told from one split. Accuracy is {shares(only, '%')} on {only.images:,} images."
    gap, (train, held) = result.gap, (primary(result, name) for name in ("train", result.held_out or ""))
    what = measure(result).capitalize()
    found = (
        f"{what} is {percent(train)} on training and {percent(held)} on {judged(result)} images: the gap, "
        f"{pp(gap.mean)} pp ({pp(gap.low)} to {pp(gap.high)}),"
    )
    if math.isnan(gap.low):
        return f"{found} rests on one group of a split, which cannot say whether it is real."
    if gap.low > 0:
        return f"{found} is real{', but small' if gap.high < MARGIN else ''}."
    if gap.high < 0:
        return f"{found} is negative: the {judged(result)} images are easier than the training images."
    return f"{found} is within the luck of the images."


def primary(result: Result, split: str) -> float:
    """The score that decides, of one split."""
    return result.scores[split].metrics["balanced_accuracy" if result.balanced else "accuracy"]


def observations(result: Result) -> list[Observation]:
    """What stands out, the most important first."""
    if result.reordered:
        return [order(result)]
    parts = [
        chance(result), leak(result), problems(result), fit(result), confidence(result), weakest(result), blind(result),
    ]  # fmt: skip
    return [part for part in parts if part]


def order(result: Result) -> Observation:
    """The order of classes that the model's outputs seem to have."""
    assert result.reordered is not None
    accuracy = result.scores[result.fitted].accuracy.mean
    places = ", ".join(f"{place} {named(name)}" for place, name in enumerate(result.reordered.folders))
    text = (
        f"With its outputs read in the order of the folders, sorted by name, the model is right on {percent(accuracy)} "
        f"of {NAMED[result.fitted]} images; in this order on {percent(result.reordered.accuracy)}: {places}. Rename "
        "the folders so that they sort like this, or save the model with its outputs in the sorted order."
    )
    return "Class order", text


def chance(result: Result) -> Observation | None:
    """Where even training images are recognised no better than by chance."""
    scores = result.scores[result.fitted]
    largest, classes = max(scores.counts) / scores.images, len(scores.counts)
    limit = 1 / classes + NEAR_CHANCE * (1 - 1 / classes)
    if scores.accuracy.low > largest or scores.metrics["balanced_accuracy"] > limit:
        return None
    text = (
        f"It recognises {percent(scores.accuracy.mean)} of {NAMED[result.fitted]} images, where always naming the "
        f"largest class gives {percent(largest)}. Either it learnt nothing, or these are not the images, the classes "
        "or the preprocessing of its training (mean subtraction and BGR are not tried: such steps belong into the "
        "model)."
    )
    return "No better than chance", text


def leak(result: Result) -> Observation | None:
    """What duplicates in training do to the held-out accuracy."""
    if not result.leaked or result.held_out is None:
        return None
    before = result.scores[result.held_out].accuracy
    text = f"Of {before.images:,} {judged(result)} images {result.leaked:,} have a duplicate in training"
    if result.clean is None:
        return "Leak", f"{text}: nothing is left to score."
    after = result.clean.accuracy
    return "Leak", f"{text}; leaving them out, accuracy is {shares(after, '%')} instead of {percent(before.mean)}."


def problems(result: Result) -> Observation | None:
    """What the audit calls a problem."""
    found = [finding.title for finding in result.audit.findings if finding.severity == "problem"]
    return ("Problems in the data", f"{'; '.join(found)}: see below.") if found else None


def fit(result: Result) -> Observation | None:
    """Where most errors are there on training images already."""
    score = primary(result, result.fitted)
    gap = result.gap.mean if result.gap else 0.0
    if chance(result) or 1 - score < LOW or 1 - score <= gap:
        return None
    more = f", the gap adds {pp(gap)} pp" if gap > 0 else ""
    text = (
        f"On {NAMED[result.fitted]} images, too, {measure(result)} is only {percent(score)}: {pp(1 - score)} pp are "
        f"missing there already{more}."
    )
    return "Underfits", text


def confidence(result: Result) -> Observation | None:
    """Whether it claims more than it keeps on held-out images."""
    scores = result.scores[result.held_out or result.fitted]
    if not scores.excess.low > MARGIN:
        return None
    mistakes = scores.images - scores.accuracy.right
    text = (
        f"On {judged(result)} images it claims {percent(scores.accuracy.mean + scores.excess.mean)} on average and is "
        f"right on {percent(scores.accuracy.mean)}: {shares(scores.excess, ' pp')} too much. On its {mistakes:,} "
        f"mistakes it is {percent(scores.mistaken)} sure. NLL is {number(scores.metrics['nll'], '{:.2f}')} nats, ECE "
        f"{percent(scores.metrics['ece'])}."
    )
    return "Too sure", text


def weakest(result: Result) -> Observation | None:
    """The class with the lowest recall, of several that are not all perfect."""
    scores = result.scores[result.held_out or result.fitted]
    ranked = sorted((found.mean, label, found) for label, found in enumerate(scores.recalls) if found)
    if len(ranked) < 2 or ranked[0][0] == 1:
        return None
    _, label, found = ranked[0]
    name = named(result.predicted.images.class_names[label])
    return "Weakest class", f"{name}: recall {shares(found, '%')} on {found.images:,} {judged(result)} images."


def blind(result: Result) -> Observation | None:
    """How large a gap could have gone unseen."""
    if result.gap is None or result.held_out is None or not result.gap.low <= 0 <= result.gap.high:
        return None
    half = pp((result.gap.high - result.gap.low) / 2)
    count = result.scores[result.held_out].images
    return "What it can miss", f"With {count:,} {judged(result)} images a gap under about {half} pp does not show."

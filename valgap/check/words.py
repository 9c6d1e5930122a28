"""What a check says of a result: its verdict, and what stands out. The texts are in words.yaml."""

import math
from pathlib import Path

import numpy as np

from valgap.check.result import Result
from valgap.document.prose import Prose
from valgap.stats.intervals import Interval

MARGIN = 0.02  # of accuracy: what the suite's own params.yaml calls no effect
LOW = 0.1  # training error from which on the model counts as underfitting, where it is more than the gap
NEAR_CHANCE = 0.1  # of the way from chance to perfect recall

Observation = tuple[str, str]  # title, text

say = Prose(Path(__file__).with_name("words.yaml"))


def named_split(name: str) -> str:
    """What a split is called."""
    return say(f"split.{name}")


def measure(result: Result) -> str:
    """What the gap is of."""
    return say("measure.balanced" if result.balanced else "measure.accuracy")


def judged(result: Result) -> str:
    """What images off training are called here."""
    return named_split(result.held_out or result.fitted)


def fitted(result: Result) -> str:
    """What the images are called on which fit is judged."""
    return named_split(result.fitted)


def primary(result: Result, split: str) -> float:
    """The score that decides, of one split."""
    return result.scores[split].metrics["balanced_accuracy" if result.balanced else "accuracy"]


def verdict(result: Result) -> str:
    """The check in a sentence or two."""
    if result.reordered:
        return say("verdict.reordered")
    if result.gap is None or result.held_out is None:
        return say("verdict.one_split", accuracy=result.scores[result.fitted].accuracy)
    return say(
        "verdict.gap",
        measure=measure(result),
        train=primary(result, "train"),
        held=primary(result, result.held_out),
        judged=judged(result),
        gap=result.gap,
        ending=say(f"verdict.{reality(result.gap)}", judged=judged(result)),
    )


def reality(gap: Interval) -> str:
    """Which ending the verdict on a gap takes."""
    if math.isnan(gap.low):
        return "one_group"
    if gap.low > 0:
        return "small" if gap.high < MARGIN else "real"
    return "negative" if gap.high < 0 else "luck"


def observations(result: Result) -> list[Observation]:
    """What stands out, the most important first."""
    if result.reordered:
        return [order(result)]
    looks = (chance, leak, problems, fit, confidence, weakest, blind)
    return [found for look in looks if (found := look(result))]


def order(result: Result) -> Observation:
    """The order of classes that the model's outputs seem to have."""
    accuracy = result.scores[result.fitted].accuracy.mean
    return _seen("order", accuracy=accuracy, fitted=fitted(result), reordered=result.reordered)


def chance(result: Result) -> Observation | None:
    """Where even training images are recognised no better than by chance."""
    scores = result.scores[result.fitted]
    largest, classes = max(scores.counts) / scores.images, len(scores.counts)
    limit = 1 / classes + NEAR_CHANCE * (1 - 1 / classes)
    if scores.accuracy.low > largest or scores.metrics["balanced_accuracy"] > limit:
        return None
    return _seen("chance", accuracy=scores.accuracy.mean, fitted=fitted(result), largest=largest)


def leak(result: Result) -> Observation | None:
    """What duplicates in training do to the held-out accuracy."""
    if not result.leaked or result.held_out is None:
        return None
    before = result.scores[result.held_out].accuracy
    after = result.clean.accuracy if result.clean else None
    return _seen("leak", before=before, judged=judged(result), leaked=result.leaked, after=after)


def problems(result: Result) -> Observation | None:
    """What the audit calls a problem."""
    titles = [finding.title for finding in result.audit.findings if finding.severity == "problem"]
    return _seen("problems", titles=titles) if titles else None


def fit(result: Result) -> Observation | None:
    """Where most errors are there on training images already."""
    score = primary(result, result.fitted)
    gap = result.gap.mean if result.gap else 0.0
    if chance(result) or 1 - score < LOW or 1 - score <= gap:
        return None
    return _seen("fit", fitted=fitted(result), measure=measure(result), score=score, missing=1 - score, gap=gap)


def confidence(result: Result) -> Observation | None:
    """Whether it claims more than it keeps on held-out images."""
    scores = result.scores[result.held_out or result.fitted]
    if not scores.excess.low > MARGIN:
        return None
    return _seen(
        "confidence",
        judged=judged(result),
        claimed=scores.accuracy.mean + scores.excess.mean,
        accuracy=scores.accuracy.mean,
        excess=scores.excess,
        mistakes=scores.images - scores.accuracy.right,
        mistaken=scores.mistaken,
        nll=scores.metrics["nll"],
        ece=scores.metrics["ece"],
    )


def weakest(result: Result) -> Observation | None:
    """The class with the lowest recall, of several that are not all perfect."""
    recalls = result.scores[result.held_out or result.fitted].recalls
    means = np.array([found.mean if found else math.nan for found in recalls])
    if np.isfinite(means).sum() < 2 or np.nanmin(means) == 1:
        return None
    label = int(np.nanargmin(means))
    name = result.predicted.images.class_names[label]
    return _seen("weakest", name=name, recall=recalls[label], judged=judged(result))


def blind(result: Result) -> Observation | None:
    """How large a gap could have gone unseen."""
    if result.gap is None or result.held_out is None or not result.gap.low <= 0 <= result.gap.high:
        return None
    half = (result.gap.high - result.gap.low) / 2
    return _seen("blind", images=result.scores[result.held_out].images, judged=judged(result), half=half)


def _seen(name: str, /, **values: object) -> Observation:
    return say(f"{name}.title"), say(f"{name}.text", **values)

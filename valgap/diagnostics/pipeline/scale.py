"""Rules on the values of pixels: their range, their spread, what is not finite, what does not fit the model."""

import numpy as np

from valgap.diagnostics.pipeline.classes import guesses, mean_recall
from valgap.diagnostics.pipeline.surveyed import Survey
from valgap.diagnostics.seen import Seen
from valgap.findings.finding import PROBLEM_SHARE, Severity

SPREAD = 1.5  # ratio of standard deviations from which on another form of values is another preprocessing
MOVED = 1.0  # standard deviations of training, likewise for means
SAME = 0.03  # of the range of training: how near to each other the ends of two splits are the same value
WIDE = 16.0  # the largest value of an image from which on it is on the scale 0 to 255
TIMES = 6.0  # ratio of spans and of spreads that no light explains: one split was divided by another number
NARROW = 1.2  # and up to which it is on a scale to 1
FAINT = 0.02  # the largest value of pixels that were divided by 255 twice
BLANK = 0.5  # share of images of one value each from which on the pixels are lost
POOR = 0.5  # of the way from chance to all right: below, scale may be what keeps a network from learning
UNFILLED = 0.06  # of a range that no photo of a split may reach at either end
EXACT = 0.003  # likewise, where that is all that tells a plain range
GRIDS = {"0-1": "255", "-1-1": "127.5"}  # the steps of whole levels in such a range
PLAIN = {"0-1": (0.0, 1.0), "-1-1": (-1.0, 1.0)}
BESIDE = {"0-1": (255.0, 0.0), "-1-1": (127.5, 127.5), "0-255": (1.0, 0.0), "tiny": (65025.0, 0.0)}  # to 0 to 255


def form(survey: Survey) -> str:
    """Which preprocessing values look like: tiny, 0-1, -1-1, 0-255, centred (0-255 less a mean) or standardised."""
    least, largest = survey.least, survey.largest
    if least >= 0 and largest <= FAINT:
        return "tiny"
    if least >= -0.1 and largest <= 1.1:
        return "0-1"
    if least >= -NARROW and largest <= NARROW:
        return "-1-1"
    if largest > WIDE and least >= -25:
        return "0-255"
    return "centred" if max(-least, largest) > WIDE else "standardised"


def ranges(train: Survey, other: Survey) -> Seen | None:
    """VG301: pixels of two splits are preprocessed in two ways.

    Their forms differ, and their spread or mean too, by more than light and dark photos explain. Where both forms are
    plain ranges, the other split must resemble training more in its own range than as it is fed.
    """
    one, two = form(train), form(other)
    if not (np.isfinite(train.stds).all() and np.isfinite(other.stds).all()):
        return None
    if one == two:
        return _stretched(train, other)
    if {one, two} == {"0-1", "-1-1"} and train.grid == other.grid == "127.5":
        return None  # both come from whole levels mapped to [-1, 1]: one is merely lighter
    if not {one, two} <= set(BESIDE) and _one_end(train, other):
        return None
    spread = max(float(train.stds.mean()), 1e-6) / max(float(other.stds.mean()), 1e-6)
    moved = float(np.abs(train.means - other.means).mean()) / max(float(train.stds.mean()), 1e-6)
    if 1 / SPREAD < spread < SPREAD and moved < MOVED:
        return None
    plain = one in PLAIN and two in PLAIN
    severity: Severity = "problem" if all(_filled(each, plain) for each in (train, other)) else "worth a look"
    if one in BESIDE and two in BESIDE and _distance(train, other, mapped=True) > _distance(train, other, mapped=False):
        severity = "worth a look"
    evidence = {
        "other": other.name,
        "how": "range",
        "forms": (one, two),
        "spread": spread,
        "moved": moved,
        "images": other.count,
    }
    return Seen("VG301", severity, evidence | {"train": _facts(train), "held": _facts(other)})


def _filled(survey: Survey, plain: bool) -> bool:
    """Whether values reach both ends of a plain range, as photos do; true of other forms.

    Against a split that is not in a plain range the ends must be met exactly, or whole levels be seen: standardised
    values of poor contrast come near them by chance.
    """
    range_of = PLAIN.get(form(survey))
    if range_of is None or (not plain and survey.grid == GRIDS[form(survey)]):
        return True
    low, high = range_of
    if not plain:
        near = EXACT * (high - low)
        return abs(survey.least - low) < near and abs(survey.largest - high) < near
    spare = UNFILLED * (high - low)
    return survey.least <= low + spare and survey.largest >= high - spare


def _stretched(train: Survey, other: Survey) -> Seen | None:
    """The same form, black at the same value, and all above it many times as small or large: another divisor."""
    if abs(train.least - other.least) > SAME * (train.largest - train.least):
        return None
    spans = [max(each.largest - each.least, 1e-9) for each in (train, other)]
    spread = max(float(train.stds.mean()), 1e-9) / max(float(other.stds.mean()), 1e-9)
    if min(max(spans) / min(spans), max(spread, 1 / spread)) < TIMES:
        return None
    evidence = {
        "how": "values",
        "other": other.name,
        "forms": (form(train), form(other)),
        "spread": spread,
        "moved": 0.0,
    }
    evidence |= {"images": other.count, "train": _facts(train), "held": _facts(other)}
    return Seen("VG301", "problem", evidence)


def _one_end(train: Survey, other: Survey) -> bool:
    """Whether black, or white, has the same value in both splits: then one is merely darker, or lighter."""
    near = SAME * (train.largest - train.least)
    return abs(train.least - other.least) < near or abs(train.largest - other.largest) < near


def _distance(train: Survey, other: Survey, mapped: bool) -> float:
    """How far two splits are apart: means in standard deviations of training, those as logarithms of ratios."""
    scales = [BESIDE[form(each)] if mapped else (1.0, 0.0) for each in (train, other)]
    (mean, std), (mean_other, std_other) = (
        (each.means * scale + shift, np.maximum(each.stds * scale, 1e-9))
        for each, (scale, shift) in zip((train, other), scales, strict=True)
    )
    return float(np.abs((mean - mean_other) / std).mean() + np.abs(np.log(std / std_other)).mean())


def _facts(survey: Survey) -> dict[str, float]:
    return {
        "least": survey.least,
        "largest": survey.largest,
        "mean": float(survey.means.mean()),
        "std": float(survey.stds.mean()),
    }


def broken(survey: Survey) -> Seen | None:
    """VG309: values that are not finite, empty batches, images on two scales, or images of one value each."""
    bad = int((~survey.finite).sum())
    empty = int((survey.batches == 0).sum())
    spans = survey.highs - survey.lows
    narrow = (survey.highs <= NARROW) & (spans > FAINT)
    wide = survey.highs > WIDE
    mixed = int(min(narrow.sum(), wide.sum()))
    blank = int((survey.finite & (spans <= 0)).sum())
    evidence = {
        "split": survey.name,
        "images": survey.count,
        "bad": bad,
        "empty": empty,
        "batches": len(survey.batches),
    }
    evidence |= {"mixed": mixed if mixed > 1 else 0, "narrow": int(narrow.sum()), "wide": int(wide.sum())}
    evidence |= {"blank": blank if blank > BLANK * survey.count else 0}
    if bad or mixed > max(1, PROBLEM_SHARE * survey.count) or evidence["blank"]:
        return Seen("VG309", "problem", evidence)
    return Seen("VG309", "worth a look", evidence) if empty or evidence["mixed"] else None


def fed(train: Survey, inside_scale: float | None) -> Seen | None:
    """VG311: what is fed does not fit what the model does inside.

    `inside_scale` is the factor by which a layer of the model multiplies pixels first, such as 1 / 255; None where it
    has no such layer. A network without one, fed 0 to 255, is worth a look where it recognises its own training images
    poorly.
    """
    fed_as = form(train)
    evidence = {"form": fed_as, "scale": inside_scale, "largest": train.largest, "images": train.count, "recall": None}
    if inside_scale is not None and 0 < inside_scale < 0.1:
        return Seen("VG311", "problem", evidence) if fed_as in ("tiny", "0-1", "-1-1") else None
    if inside_scale is not None or fed_as not in ("0-255", "centred") or train.outputs is None:
        return None
    recall, classes = _recall(train)
    if recall is None or recall > 1 / classes + POOR * (1 - 1 / classes):
        return None
    return Seen("VG311", "worth a look", evidence | {"recall": recall})


def _recall(survey: Survey) -> tuple[float | None, int]:
    """Mean recall over classes by the model's outputs, and how many classes there are; None under two."""
    guess = guesses(survey)
    classes = len(np.unique(survey.labels[survey.labels >= 0]))
    return (None, classes) if guess is None or classes < 2 else (mean_recall(survey.labels, guess), classes)

"""Rules on labels: which classes a split holds, and whether labels fit the model's outputs."""

import math

import numpy as np
from numpy.typing import NDArray

from valgap.diagnostics.pipeline.surveyed import Index, Survey
from valgap.diagnostics.seen import Seen
from valgap.findings.finding import PROBLEM_SHARE

SURE = 1e-4  # probability that chance leaves a class out, below which it was not chance
DOUBT = 0.01
FEW = 2  # images of a class that training lacks, from which on it is no stray label


def guesses(survey: Survey) -> Index | None:
    """The class that the model names for each image, (n,); None without outputs.

    One output is a probability where all values are in [0, 1], else a logit.
    """
    if survey.outputs is None:
        return None
    if survey.outputs.shape[1] == 1:
        values = survey.outputs[:, 0]
        limit = 0.5 if values.min() >= 0 and values.max() <= 1 else 0.0
        return (values > limit).astype(np.int64)
    return survey.outputs.argmax(axis=1).astype(np.int64)


def mean_recall(labels: Index, guess: Index) -> float:
    """The share of images of a class that are recognised, mean over the classes that have an image."""
    known = labels >= 0
    own, hit = labels[known], guess[known] == labels[known]
    shares = [hit[own == each].mean() for each in np.unique(own)]
    return float(np.mean(shares)) if shares else 0.0


def counts(survey: Survey, classes: int) -> NDArray[np.int64]:
    """How many images each of `classes` labels has."""
    known = survey.labels[(survey.labels >= 0) & (survey.labels < classes)]
    return np.bincount(known, minlength=classes)


def lacking(train: Survey, other: Survey) -> Seen | None:
    """VG307: a split lacks classes that training has, or holds classes that training lacks, beyond chance.

    The chance that n images drawn as training is leave out a class of share p is (1 - p)^n, times the classes; that
    they leave out m of share P together is (1 - P)^n, times the ways to choose m. A tail: the classes that are there
    are the first or the last of all.
    """
    top = int(max(train.labels.max(initial=0), other.labels.max(initial=0))) + 1
    mine, theirs = counts(train, top), counts(other, top)
    if not mine.sum() or not theirs.sum() or (mine > 0).sum() + (theirs > 0).sum() < 3:
        return None
    missing = np.flatnonzero((mine > 0) & (theirs == 0))
    unseen = np.flatnonzero((mine == 0) & (theirs > 0))
    chance = top * np.power(1 - mine[missing] / mine.sum(), theirs.sum())
    strangers = int(theirs[unseen].sum())
    stray = strangers < max(FEW, PROBLEM_SHARE * theirs.sum())
    together = math.comb(top, len(missing)) * (1 - mine[missing].sum() / mine.sum()) ** theirs.sum()
    doubtful = missing if len(missing) and together < DOUBT else missing[chance < DOUBT]
    if not len(doubtful) and (not len(unseen) or stray):
        return None
    sure = bool((chance < SURE).any()) or (len(missing) > 0 and together < SURE) or (len(unseen) > 0 and not stray)
    present = np.flatnonzero(theirs)
    evidence = {
        "other": other.name,
        "missing": _names(train, other, doubtful),
        "unseen": _names(train, other, unseen),
        "strangers": strangers,
        "present": len(present),
        "classes": int(((mine > 0) | (theirs > 0)).sum()),
        "images": other.count,
        "tail": _is_end(present, np.flatnonzero(mine + theirs)),
        "limited": other.limited,
        "only": _names(train, other, present)[0] if len(present) == 1 else None,
    }
    return Seen("VG307", "problem" if sure else "worth a look", evidence)


def _is_end(present: Index, all_classes: Index) -> bool:
    """Whether the classes present are the first or the last of all, in order."""
    size = len(present)
    ends = (all_classes[:size], all_classes[len(all_classes) - size :])
    return size < len(all_classes) and any(np.array_equal(present, each) for each in ends)


def _names(train: Survey, other: Survey, labels: Index) -> list[str]:
    names = train.class_names or other.class_names or ()
    return [names[label] if label < len(names) else str(label) for label in labels.tolist()]


def fitting(survey: Survey, classes: int | None) -> Seen | None:
    """VG310: labels do not fit the model's outputs, of which there are `classes` (1: one for two classes), or None.

    Kinds: "blank" one-hot rows of zeros, "negative", "beyond" the outputs, "width" of one-hot rows, "from_one" (labels
    1 to K), "constant" (one class only, in training).
    """
    known = survey.labels[survey.labels >= 0] if survey.width is not None else survey.labels
    evidence = {"split": survey.name, "images": survey.count, "outputs": classes, "width": survey.width}
    least, largest = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    places = max(2, classes) if classes else None
    blank = int((survey.labels < 0).sum()) if survey.width is not None else 0
    evidence |= {"least": least, "largest": largest, "blank": blank, "kind": None}
    evidence["wrong"] = int((known >= places).sum()) if places else 0
    if survey.width is not None and classes is not None and survey.width != classes:
        return Seen("VG310", "problem", evidence | {"kind": "width"})
    if blank:
        return Seen("VG310", "problem", evidence | {"kind": "blank"})
    if least < 0:
        return Seen("VG310", "problem", evidence | {"kind": "negative", "wrong": int((known < 0).sum())})
    if places and largest >= places:
        return Seen(
            "VG310", "problem", evidence | {"kind": "from_one" if least == 1 == largest + 1 - places else "beyond"}
        )
    if survey.name == "train" and least == largest and survey.count > 1:
        return Seen("VG310", "problem", evidence | {"kind": "constant"})
    values = np.unique(known)
    from_one = least == 1 and len(values) > 1 and np.array_equal(values, np.arange(1, largest + 1))
    if survey.width is None and survey.name == "train" and from_one and places in (None, largest + 1):
        return Seen("VG310", "worth a look", evidence | {"kind": "shifted"})
    return None

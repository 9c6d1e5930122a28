"""Rules on what changes from pass to pass, and on the order in which images come."""

import numpy as np

from valgap.diagnostics.pipeline.surveyed import Index, Survey
from valgap.diagnostics.seen import Seen

CHANGED = 0.05  # share of a second pass's images that the first did not have, from which on the split is random
FAR = 2.0  # levels of 255, mean over an image: more than that apart is another picture or an altered one
SIMILAR = 0.5  # correlation of the pixels at one place in two passes from which on it is the same picture, altered
WINDOW = 32  # images: what a batch is by default
SORTED = 0.3  # of the mixture of classes that chance gives a window
POORLY = 0.6
LEAST = 64  # images below which a mixture cannot be told
MISPAIRED = 0.05  # share of images that come with another label in the second pass


def random_pixels(survey: Survey) -> Seen | None:
    """VG303: the images of a held-out split are not the same in two passes.

    `how` is "altered" where labels come in the same order and pictures resemble those of the first pass, "other" where
    pictures of the second pass resemble none at their place, which another draw of images gives too.
    """
    again = survey.again
    if again is None or survey.kind == "arrays":
        return None
    fresh = ~np.isin(again.digests, survey.digests)
    share = float(fresh.mean())
    if share < CHANGED:
        return None
    size = min(len(again.labels), survey.count)
    ordered = np.array_equal(again.labels[:size], survey.labels[:size])
    first, second = (each[:size].astype(np.float32) for each in (survey.pixels, again.pixels))
    apart = np.abs(first - second).mean(axis=(1, 2, 3))
    alike = np.nanmedian(_correlations(first, second)) if size else 0.0
    altered = ordered and bool(alike > SIMILAR)
    if altered and np.median(apart[fresh[:size]]) < 0.05:  # of a level: rounding, not augmentation
        return None
    evidence = {
        "split": survey.name,
        "share": share,
        "images": len(fresh),
        "how": "altered" if altered else "other",
        "apart": float(np.median(apart[fresh[:size]]) / 255) if altered else None,
        "limited": survey.limited,
    }
    surely = altered or not survey.limited
    return Seen("VG303", "problem" if surely else "worth a look", evidence)


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    one, two = (each.reshape(len(each), -1) for each in (first, second))
    one, two = one - one.mean(axis=1, keepdims=True), two - two.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (one * two).sum(axis=1) / np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))


def random_order(survey: Survey) -> Seen | None:
    """VG312: the images of a held-out split are the same in two passes, in another order."""
    again = survey.again
    if again is None or survey.kind == "arrays":
        return None
    size = min(len(again.digests), survey.count)
    if np.isin(again.digests, survey.digests).mean() < 1 - CHANGED:
        return None  # not the same images: another rule's
    moved = float((again.digests[:size] != survey.digests[:size]).mean())
    if moved < CHANGED:
        return None
    return Seen("VG312", "worth a look", {"split": survey.name, "share": moved, "images": size})


def mixture(labels: Index, over: Index) -> float | None:
    """How well classes are mixed in windows of consecutive images: 1 as by chance, 0 one class a window.

    It is the mean over windows of the probability that two images of it, drawn without putting back, differ in class,
    over the same for all labels of `over`. None for fewer than 64 images or one class.
    """
    whole = _differ(over)
    if len(labels) < LEAST or whole == 0:
        return None
    starts = range(0, len(labels) - WINDOW + 1, WINDOW)
    return float(np.mean([_differ(labels[start : start + WINDOW]) for start in starts]) / whole)


def _differ(labels: Index) -> float:
    size = len(labels)
    share = np.unique(labels, return_counts=True)[1]
    return float(1 - (share * (share - 1)).sum() / (size * (size - 1))) if size > 1 else 0.0


def sorted_by_class(train: Survey) -> Seen | None:
    """VG306: training images come class by class, in every pass. `fit` shuffles arrays itself: they are not asked."""
    if train.kind == "arrays":
        return None
    mixed = mixture(train.labels, train.labels)
    if mixed is None or mixed >= POORLY:
        return None
    later = mixture(train.again.labels, train.labels) if train.again is not None else None
    if later is not None and later >= POORLY:
        return None  # the first pass alone
    changes = int((np.diff(train.labels) != 0).sum())
    evidence = {
        "mixture": mixed,
        "images": train.count,
        "runs": changes + 1,
        "classes": len(np.unique(train.labels)),
        "same": bool(
            train.again is not None and np.array_equal(train.again.digests, train.digests[: len(train.again.digests)])
        ),
        "passes": 1 if train.again is None else 2,
        "sequence": train.kind == "sequence",
    }
    return Seen("VG306", "problem" if mixed < SORTED else "worth a look", evidence)


def unstable_pairs(survey: Survey) -> Seen | None:
    """VG304, from pass to pass: the same image comes with another label the next time.

    Only images that the first pass had once, or always under one label, are asked.
    """
    again = survey.again
    if again is None:
        return None
    values, place, count = np.unique(survey.digests, return_index=True, return_counts=True)
    single = values[count == 1]
    known = np.isin(again.digests, single)
    if known.sum() < 10:
        return None
    at = place[np.searchsorted(values, again.digests[known])]
    differ = float((survey.labels[at] != again.labels[known]).mean())
    if differ < MISPAIRED:
        return None
    return Seen(
        "VG304", "problem", {"split": survey.name, "how": "passes", "share": differ, "images": int(known.sum())}
    )

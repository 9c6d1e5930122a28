"""Rule on channels that stand in another order in one split, told from casts of colour.

A cast multiplies and moves channels; so each channel is standardised over its split first, which undoes any cast.
What is left are features that change their sign when channels are reversed. A linear classifier without intercept
learns from training images which sign they have, and says of the other split whether it has the same.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.diagnostics.pipeline import thumbnails
from valgap.diagnostics.pipeline.classes import mean_recall
from valgap.diagnostics.pipeline.learner import Learnt
from valgap.diagnostics.pipeline.surveyed import Index, Survey
from valgap.diagnostics.seen import Seen

MOST = 1500  # images of a split that are looked at
CELLS = 16
BLOCKS = 4
TOLD = 0.65  # share of training images whose order of channels is told, at least
AS_MUCH = 0.5  # of what is told on training, how much the other way round the other split must be
SURE = 1e-4
GREY = 0.02  # of the spread of values: difference between channels below which images are grey
GAIN = 0.1  # mean recall that reversing must bring a classifier of the labels


def swapped(train: Survey, other: Survey, learnt: Learnt | None) -> Seen | None:
    """VG302: the other split's channels are the reverse of training's (BGR and RGB).

    Two ways to tell: the order of channels that images themselves have, and labels that a classifier of training
    recognises better after reversing, on both halves. Where one speaks against it, nothing is said.
    """
    if train.pixels.shape[3] != 3 or other.pixels.shape[3] != 3:
        return None
    mine, theirs = train.sample(MOST), other.sample(MOST)
    if len(mine) < 40 or len(theirs) < 10:
        return None
    told, same = orientation(_odd(train, mine), _odd(other, theirs))
    images = len(theirs)
    by_pictures = told >= TOLD and binom.cdf(round(same * images), images, 0.5) < SURE
    by_pictures = by_pictures and 0.5 - same >= AS_MUCH * (told - 0.5)
    against_pictures = told >= TOLD and binom.sf(round(same * images) - 1, images, 0.5) < 0.01
    before, after, wins = labels_say(learnt)
    evidence = {
        "other": other.name, "images": images, "told": told, "same": same, "before": before, "after": after,
        "by": "pictures" if by_pictures else "labels",
    }  # fmt: skip
    if by_pictures and not (wins is not None and wins < 0):
        return Seen("VG302", "problem", evidence)
    return Seen("VG302", "problem", evidence) if wins is not None and wins > 0 and not against_pictures else None


def orientation(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[float, float]:
    """Share of training images, unseen, that are told from their reverse; share of the other split's that are alike.

    Rows are odd features: those of a reversed image are their negatives. 0.5 each where nothing can be told.
    """
    spread = np.sqrt((mine**2).mean(axis=0))
    if not len(mine) or spread.max() < 1e-9:
        return 0.5, 0.5
    mine, theirs = (np.clip(rows / np.maximum(spread, 1e-9), -4, 4) for rows in (mine, theirs))
    half = np.arange(len(mine)) % 2 == 0
    with threadpool_limits(1):
        told = [_signs(mine[half], mine[~half]), _signs(mine[~half], mine[half])]
        return float(np.concatenate(told).mean()), float(_signs(mine, theirs).mean())


def _signs(seen: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.bool_]:
    rows, sides = np.concatenate([seen, -seen]), np.repeat([1, 0], len(seen))
    model = LogisticRegression(C=0.1, fit_intercept=False, max_iter=200).fit(rows, sides)
    return model.decision_function(asked) > 0


def _odd(survey: Survey, index: Index) -> NDArray[np.float64]:
    """Features (q, d) that change their sign when channels are reversed, of channels standardised over the split."""
    pixels = thumbnails.small(survey.pixels, index, CELLS).astype(np.float64)
    grey = np.ptp(pixels, axis=3).mean() < GREY * max(pixels.std(), 1e-6)
    if grey:
        return np.zeros((len(index), 1))
    pixels = (pixels - pixels.mean(axis=(0, 1, 2))) / (pixels.std(axis=(0, 1, 2)) + 1e-6)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    odd, light = red - blue, (red + blue) / 2
    rows, columns = (thumbnails.weights(odd.shape[axis], BLOCKS) for axis in (1, 2))
    blocks = np.einsum("ih,nhw,jw->nij", rows, odd, columns, optimize=True).reshape(len(index), -1)
    moments = [odd, odd * light, odd * green, odd * (green - light), odd**3, odd * light**2, odd * green**2]
    moments += [odd * np.abs(odd), odd * light * green]
    return np.concatenate([blocks, np.stack([each.mean(axis=(1, 2)) for each in moments], axis=1)], axis=1)


def labels_say(learnt: Learnt | None) -> tuple[float | None, float | None, int | None]:
    """Mean recall as fed and after reversing, and +1 where reversing helps for sure, on both halves, -1 where it harms.

    The last is 0 where nothing is sure, None where nothing was learnt.
    """
    if learnt is None or learnt.reversed is None:
        return None, None, None
    before, after = (mean_recall(learnt.held, each) for each in (learnt.transferred, learnt.reversed))
    skill = mean_recall(learnt.own, learnt.crossed)
    chance = 1 / len(np.unique(learnt.own))
    one, two = learnt.transferred == learnt.held, learnt.reversed == learnt.held
    wins, losses = int((two & ~one).sum()), int((one & ~two).sum())
    half = np.arange(len(one)) % 2 == 0
    gains = [float(two[side].mean() - one[side].mean()) for side in (half, ~half)]
    near = after >= chance + 0.7 * (skill - chance)
    if near and min(gains) > GAIN and binom.sf(wins - 1, wins + losses, 0.5) < SURE:
        return before, after, 1
    if max(gains) < -GAIN / 2 and binom.sf(losses - 1, wins + losses, 0.5) < 0.01:
        return before, after, -1
    return before, after, 0

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

ENOUGH = 100  # images of training, below which shares of classes are let be
MOST = 1500  # images of a split that are looked at
CELLS = 16
BLOCKS = 4
TOLD = 0.65  # share of training images whose order of channels is told, at least
AS_MUCH = 0.5  # of what is told on training, how much the other way round the other split must be
SURE = 1e-4
FREE = 0.6  # share that features without a place, or of light, must tell, at least, to be asked
GREY = 0.02  # of the spread of values: difference between channels below which images are grey
GAIN = 0.1  # mean recall that reversing must bring a classifier of the labels


Features = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def swapped(train: Survey, other: Survey, learnt: Learnt | None) -> Seen | None:
    """VG302: the other split's channels are the reverse of training's (BGR and RGB).

    Two ways to tell: the order of channels that images themselves have, and labels that a classifier of training
    recognises better after reversing, on both halves. Where one speaks against it, nothing is said.
    """
    if train.pixels.shape[3] != 3 or other.pixels.shape[3] != 3:
        return None
    mine, theirs = matched(train, other)
    if len(mine) < 40 or len(theirs) < 10:
        return None
    ours, other_odd = odd(train, mine), odd(other, theirs)
    told, same = orientation(np.hstack(ours[:2]), np.hstack(other_odd[:2]))
    images = len(theirs)
    by_pictures = told >= TOLD and binom.cdf(round(same * images), images, 0.5) < SURE
    by_pictures = by_pictures and 0.5 - same >= AS_MUCH * (told - 0.5) and _only_channels(train, other, ours, other_odd)
    against_pictures = told >= TOLD and binom.sf(round(same * images) - 1, images, 0.5) < 0.01
    before, after, wins = labels_say(learnt)
    evidence = {
        "other": other.name, "images": images, "told": told, "same": same, "before": before, "after": after,
        "by": "pictures" if by_pictures else "labels",
    }  # fmt: skip
    if by_pictures and not (wins is not None and wins < 0):
        return Seen("VG302", "problem", evidence)
    return Seen("VG302", "problem", evidence) if wins is not None and wins > 0 and not against_pictures else None


def matched(train: Survey, other: Survey) -> tuple[Index, Index]:
    """Places of images of both splits, of the classes that both have, in the same shares where there are enough.

    Where colour decides a class, other shares of classes have other colours.
    """
    mine, theirs = train.sample(MOST), other.sample(MOST)
    both = np.intersect1d(train.labels[mine], other.labels[theirs])
    mine, theirs = mine[np.isin(train.labels[mine], both)], theirs[np.isin(other.labels[theirs], both)]
    if not len(both):
        return mine, theirs
    places = [mine[train.labels[mine] == each] for each in both]
    wanted = np.array([(other.labels[theirs] == each).sum() for each in both])
    most = wanted * min(len(place) / want for place, want in zip(places, wanted, strict=True))
    even = [place[: max(1, int(count))] for place, count in zip(places, most, strict=True)]
    return (np.sort(np.concatenate(even)) if sum(map(len, even)) >= ENOUGH else mine), theirs


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


def _only_channels(train: Survey, other: Survey, ours: Features, theirs: Features) -> bool:
    """Whether nothing but reversed channels explains reversed features: no turned picture, and no negative.

    Features without a place, which turning leaves alone, must say the same. Of light, which reversing channels leaves
    alone, the other split must not be the negative.
    """
    told, same = orientation(ours[1], theirs[1])
    images = len(theirs[1])
    without_place = told >= FREE and binom.cdf(round(same * images), images, 0.5) < 0.01
    told, same = orientation(ours[2], theirs[2])
    return bool(without_place and not (told >= FREE and same < 1 - FREE))


def odd(survey: Survey, index: Index) -> Features:
    """Features (q, d) of channels standardised over the split: by place, without place, and of light.

    The first two change their sign when channels are reversed, the last when black and white are exchanged.
    """
    pixels = thumbnails.small(survey.pixels, index, CELLS).astype(np.float64)
    grey = np.ptp(pixels, axis=3).mean() < GREY * max(pixels.std(), 1e-6)
    if grey:
        return np.zeros((len(index), 1)), np.zeros((len(index), 1)), np.zeros((len(index), 1))
    pixels = (pixels - pixels.mean(axis=(0, 1, 2))) / (pixels.std(axis=(0, 1, 2)) + 1e-6)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    cast, light = red - blue, (red + blue) / 2
    moments = [cast, cast * light, cast * green, cast * (green - light), cast**3, cast * light**2, cast * green**2]
    moments += [cast * np.abs(cast), cast * light * green]
    grey_moments = [light, light**3, light * np.abs(light), light * (red - blue) ** 2]
    means, grey_means = (
        np.stack([each.mean(axis=(1, 2)) for each in them], axis=1) for them in (moments, grey_moments)
    )
    return _blocks(cast), means, np.hstack([_blocks(light), grey_means])


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = (thumbnails.weights(values.shape[axis], BLOCKS) for axis in (1, 2))
    found: NDArray[np.float64] = np.einsum("ih,nhw,jw->nij", rows, values, columns, optimize=True)
    return found.reshape(len(values), -1)


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

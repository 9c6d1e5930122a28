"""The split itself: the two parts of the gap, and a given validation set against re-splits and test images."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.data.prepared import Manifest
from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats import trends
from valgap.stats.contrasts import CONFIDENCE
from valgap.stats.intervals import Interval, Values, by_group, over_replicates, two_way_variance
from valgap.stats.measured import Measured, on_split, redrawn, split_accuracy
from valgap.stats.metrics import correct
from valgap.stats.run import Run
from valgap.stats.standardized import at_equal_shares
from valgap.stats.verdict import Estimate, Gap, SplitEffect, Untested
from valgap.stats.words import OfSplit

CAUSE, TITLE = "split", "the split itself"
LEAKS = ("VG101", "VG102", "VG103", "VG116")  # findings of the audit: one group, or one picture, on both sides
HELD_OUT = ("test", "val")
DIFFERS = ("VG106", "VG107")  # validation images can be told from training images
UNKNOWN = Interval(0, math.nan, math.nan, math.nan, math.nan)
SURE = 0.99  # confidence beyond which validation and test images differ in more than the luck of their draw


def gap_of(run: Run) -> Gap:
    """The baseline's gap and its parts, over all its replicates."""
    accuracy = {split: split_accuracy(split)(run) for split in ("train", *HELD_OUT)}
    plain = _plain(run)
    return Gap(
        train_val=over_replicates(accuracy["train"] - accuracy["val"], redrawn=redrawn(run)),
        train_test=_interval(
            accuracy["train"] - accuracy["test"],
            _image_variance(Scored(plain["test"], _groups(run, "test"))),
            redrawn(run),
        ),
        test_val=test_minus_validation(run, plain, CONFIDENCE),
    )


@dataclasses.dataclass(frozen=True)
class Scored:
    """(replicates, images) scores, and the images' groups; None where replicates have others."""

    values: Values
    groups: NDArray[np.int64] | None

    @property
    def units(self) -> int:
        """How many groups, or images, are independent of each other; 0 where replicates have others."""
        return 0 if self.groups is None else len(np.unique(self.groups))


def test_minus_validation(run: Run, scores: Mapping[str, Values], confidence: float) -> Interval:
    """Mean of (replicates, images) `scores` on test minus validation images, with what the luck of both sets adds."""
    test, val = (Scored(scores[split], _groups(run, split)) for split in HELD_OUT)
    return _difference(test, val, redrawn(run), confidence)


def _difference(first: Scored, second: Scored, ratio: float, confidence: float) -> Interval:
    """Of mean scores, with what the luck of both sets of images adds; `ratio` as `measured.redrawn` says.

    An image of either set is taken to vary as much as one of the set where that is more: a small set in which all are
    right, or all wrong, would seem to have no luck at all.
    """
    shared = [each for each in (first, second) if each.groups is not None]
    of_one = max((_image_variance(each) * each.units for each in shared), default=0.0)
    images = sum(of_one / each.units for each in shared)
    return _interval(first.values.mean(axis=1) - second.values.mean(axis=1), images, ratio, confidence)


def _plain(run: Run) -> dict[str, Values]:
    return {split: on_split(split, correct)(run) for split in HELD_OUT}


def _image_variance(scored: Scored) -> float:
    """The part of a mean score's variance that the draw of the images has, 0 where replicates draw others."""
    if scored.groups is None:
        return 0.0
    found = two_way_variance(by_group(scored.values, scored.groups))[2]
    return 0.0 if math.isnan(found) else found


def _groups(run: Run, split: str) -> NDArray[np.int64] | None:
    """The groups of a split's images, None where replicates have others."""
    index = run[f"{split}_index"]
    is_shared = len(index) > 1 and bool((index == index[0]).all())
    return run[f"{split}_groups"][0] if is_shared else None


def _interval(values: Values, images: float, ratio: float, confidence: float = CONFIDENCE) -> Interval:
    """Interval of the mean of (replicates,) values, with the variance that their images add."""
    plain = over_replicates(values, confidence, ratio)
    if plain.n < 2 or not images:
        return plain
    own = plain.sd**2 * (1 / plain.n + ratio)
    total = own + images
    freedom = (plain.n - 1) * (total / own) ** 2 if own > 0 else math.inf  # Satterthwaite: images have no end of df
    half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(total)
    return Interval(plain.n, plain.mean, plain.sd, plain.mean - half, plain.mean + half)


def split_cause(
    params: Suite,
    measured: Measured,
    manifest: Manifest,
    gap: Gap,
    problems: Collection[str],
    margin: float,
    collapsed: Collection[int],
) -> Untested | SplitEffect:
    """Cause 0: whether the given validation images score otherwise than re-splits of the same images, or than test.

    All is compared at the same shares of classes, for another class mix moves accuracy, too: that has a word of its
    own. `collapsed` replicates, which give all images one class, tell nothing of images.

    The given split is one draw, so the mean of its differences to re-splits, paired by replicate, is placed by a
    prediction interval. Where groups are unknown a difference may as well come from re-splits that put one group on
    both sides; a problem that the audit sees of the images themselves decides, and then the word is "probably".
    """
    if not manifest.given_validation:
        return Untested(cause=CAUSE, title=TITLE, verdict="not applicable", why="the suite made the split")
    arms = [name for name in measured.loaded if params.diffs[name] == {"resplit": True}]
    shared = [number for number in measured.shared([BASELINE, *arms[:1]]) if number not in collapsed]
    found = _against_resplits(measured, arms[0], shared) if arms and shared else None
    audit = tuple(code for code in (*LEAKS, *DIFFERS) if code in problems)
    sound = [number for number in measured.replicates(BASELINE) if number not in collapsed]
    seen = _seen(_only(measured.loaded[BASELINE], sound), manifest.copied) if sound else NOTHING
    named = dataclasses.replace(seen, **{name: _worth_naming(each, margin) for name, each in vars(seen).items()})
    return SplitEffect(
        cause=CAUSE,
        title=TITLE,
        verdict=_word(found, named, margin, manifest.groups is not None, audit),
        variant=arms[0] if arms else None,
        n=len(shared),
        groups=manifest.groups,
        mean=found.difference if found else math.nan,
        low=found.low if found else math.nan,
        high=found.high if found else math.nan,
        cost=Estimate.of(gap.test_val),
        alike=Estimate.of(seen.alike),
        mix=Estimate.of(seen.mix) if _is_off(named.mix) else None,
        copies=None if math.isnan(seen.copies.mean) else Estimate.of(seen.copies),
        audit=audit,
    )


def _against_resplits(measured: Measured, arm: str, numbers: Sequence[int]) -> trends.Resplit:
    """Validation accuracy on the given split against re-splits, of these replicates, at the same shares of classes."""
    given, again = (_only(measured.loaded[name], numbers) for name in (BASELINE, arm))
    first, second = at_equal_shares(*((on_split("val", correct)(run), run["val_labels"]) for run in (given, again)))
    return trends.paired_difference(first.mean(axis=1) - second.mean(axis=1))


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the baseline's accuracy says of the split.

    Test minus validation images: `alike` at the same shares of classes, `mix` by other shares. `copies` is what copies
    of images to learn from add to accuracy on validation images.
    """

    alike: Interval
    mix: Interval
    copies: Interval


NOTHING = Seen(UNKNOWN, UNKNOWN, UNKNOWN)


def _seen(run: Run, copied: Sequence[int]) -> Seen:
    plain = _plain(run)
    shared = at_equal_shares(*((plain[split], run[f"{split}_labels"]) for split in HELD_OUT))
    alike = dict(zip(HELD_OUT, shared, strict=True))
    mix = {split: plain[split] - alike[split] for split in HELD_OUT}
    return Seen(
        test_minus_validation(run, alike, SURE),
        test_minus_validation(run, mix, SURE),
        _of_copies(run, plain["val"], np.isin(run["val_index"][0], copied)),
    )


def _of_copies(run: Run, right: Values, copy: NDArray[np.bool_]) -> Interval:
    """Accuracy on all validation images less that on those that are no `copy` (n,), at the same shares of classes.

    Unknown where replicates have other validation images, or fewer than two are copies, or are none.
    """
    groups = _groups(run, "val")
    if groups is None or min(copy.sum(), (~copy).sum()) < 2:
        return UNKNOWN
    sides = (copy, ~copy)
    values = at_equal_shares(*((right[:, side], run["val_labels"][:, side]) for side in sides))
    copies, others = (Scored(each, groups[side]) for each, side in zip(values, sides, strict=True))
    found, share = _difference(copies, others, redrawn(run), CONFIDENCE), float(copy.mean())
    return Interval(found.n, *(share * each for each in (found.mean, found.sd, found.low, found.high)))


def _only(run: Run, numbers: Sequence[int]) -> Run:
    places = [run["replicates"].tolist().index(number) for number in numbers]
    return {name: array[places] for name, array in run.items()}


def _worth_naming(found: Interval, margin: float) -> Interval:
    """Itself, or holding 0 where it is surely something, and too little to be named."""
    if not abs(found.mean) < margin:
        return found
    return dataclasses.replace(found, low=min(found.low, 0.0), high=max(found.high, 0.0))


def _is_off(found: Interval) -> bool:
    return found.low > 0 or found.high < 0


def _word(found: trends.Resplit | None, seen: Seen, margin: float, has_groups: bool, audit: Collection[str]) -> OfSplit:
    """What the differences to re-splits and to test images, and the audit, allow.

    Harder than re-splits by the margin, the given images contribute where groups are known; else re-splits may only be
    easy because a group is on both sides, and test images or an audit that tells the splits apart make it probable.
    Easier than test images, they leak where the audit finds pictures on both sides; else the test images may as well be
    others. Copies of training images that the network knows better than the other validation images leak, whatever
    test images say.
    """
    part = seen.alike
    copies, differs = bool(set(audit) & set(LEAKS)), bool(set(audit) & set(DIFFERS))
    harder = bool(found and found.outside and found.difference <= -margin)
    if harder and has_groups:
        return "contributes"
    if (harder and (differs or part.low > 0)) or (part.low > 0 and differs):
        return "probably contributes"
    if copies and seen.copies.low > 0:
        return "leaks"
    if harder or part.low > 0:
        return "unresolved"
    if part.high < 0:
        return "unresolved" if not copies else "leaks" if has_groups else "probably leaks"
    if _is_off(seen.mix):
        return "class mix"
    return "unknown" if math.isnan(part.low) else "not shown"

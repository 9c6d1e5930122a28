"""Findings on whether splits look alike: brightness and contrast of each held-out split, and a two-sample test."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.findings.finding import HELD_OUT, Example, Finding, Severity, Sheet, Used, listed
from valgap.findings.pixels import Measured
from valgap.findings.two_sample import pixel_features, two_sample_auc

Index = NDArray[np.int64]

NEGLIGIBLE = 0.1  # standardised difference; Austin 2009, Statistics in Medicine 28:3083, section 3
MEDIUM = 0.5  # Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2
CONFIDENCE = 0.95
TYPICAL = 4  # pairs of typical images shown
SIDE = 1_000  # images of training, and of validation, that the two-sample test sees at most
PERMUTATIONS = 99
ALPHA = 0.01  # false alarms of the two-sample test
TITLE = "Validation images told from training images"
TOLD_APART, CLEARLY = 0.55, 0.7  # held-out AUC from which on a shift is worth a look, and is a problem


@dataclasses.dataclass(frozen=True)
class Difference:
    """Standardised difference of two means, with its limits; NaN limits where a side has one cluster."""

    value: float
    low: float
    high: float

    @property
    def least(self) -> float:
        """The smallest size that the limits allow: 0 where they include 0 or are unknown."""
        return 0.0 if not self.low * self.high > 0 else min(abs(self.low), abs(self.high))


def standardised(
    learned: NDArray[np.float64], held: NDArray[np.float64], of_learned: Index, of_held: Index
) -> Difference:
    """Mean of `held` minus mean of `learned` over their pooled standard deviation, a grey level at least.

    `of_learned` and `of_held` are the clusters (groups, near duplicates) of the values. The limits are a 95% t
    interval whose variance is that of sums over clusters (Liang and Zeger 1986, with the factor G/(G-1)).
    """
    scale = max(
        1.0, math.sqrt((np.var(learned) * len(learned) + np.var(held) * len(held)) / (len(learned) + len(held)))
    )
    value = float(held.mean() - learned.mean()) / scale
    variance, freedom = 0.0, math.inf
    for values, of in ((learned, of_learned), (held, of_held)):
        sums = np.bincount(np.unique(of, return_inverse=True)[1], values - values.mean())
        if len(sums) < 2:
            return Difference(value, math.nan, math.nan)
        variance += len(sums) / (len(sums) - 1) * float(sums @ sums) / len(values) ** 2
        freedom = min(freedom, len(sums) - 1)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance) / scale
    return Difference(value, value - half, value + half)


def brightness(used: Used, measured: Measured, cluster: Index) -> Finding[int]:
    """Brightness and contrast of each held-out split against what is learned from."""
    learned, rows, shifted, largest, known = used.learned, [], [], 0.0, False
    splits = [name for name in HELD_OUT if name in used.present] if learned.any() else []
    for name in splits:
        held = used.split == name
        for what, values in (("brightness", measured.brightness), ("contrast", measured.contrast)):
            found = standardised(values[learned], values[held], cluster[learned], cluster[held])
            limits = "unknown" if math.isnan(found.low) else f"{_signed(found.low)} to {_signed(found.high)}"
            means = (f"{values[side].mean():.1f}" for side in (learned, held))
            counts = (f"{side.sum():,}" for side in (learned, held))
            rows.append((name, what, *counts, *means, _signed(found.value), limits))
            largest, known = max(largest, found.least), known or not math.isnan(found.low)
            if found.least > NEGLIGIBLE:
                shifted.append((name, f"{what} of {name} images by {_signed(found.value)} standard deviations"))
    severity: Severity = "problem" if largest > MEDIUM else "worth a look" if shifted else "fine"
    found_text, effect = "", "Nothing: held-out images are as bright as the others."
    if splits:
        found_text = (
            f"{len(shifted):,} of {len(rows):,} means differ from those of the images to learn from by more than "
            f"{NEGLIGIBLE:g} standard deviations, beyond chance."
        )
    if shifted:
        found_text = f"Different from the images to learn from: {listed(text for _, text in shifted)}."
        effect = (
            "Part of the gap may be due to how images were taken or saved, not to overfitting: a remedy against "
            "overfitting does not close that part."
        )
    if not known:
        severity, effect = "unknown", ""
        found_text = "It takes a split to compare with training, and two groups or images on each side."
    order = [name for name in splits if name in {split for split, _ in shifted}]
    headings = (
        "split",
        "what",
        "images to learn from",
        "images of the split",
        "mean to learn from",
        "mean of the split",
        "difference (standard deviations)",
        "95% limits",
    )
    tables = (Sheet("Means over images, in grey levels from 0 to 255.", headings, tuple(rows)),) if rows else ()
    examples = _typical(used, measured, order[0]) if order else ()
    return Finding(
        "VG107",
        "brightness",
        "Brightness and contrast of splits",
        severity,
        len(shifted),
        len(rows),
        "means",
        found_text,
        effect,
        examples,
        tables,
    )


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0:+.2f}".replace("-", "−")  # + 0: no minus sign before a zero


def _typical(used: Used, measured: Measured, split: str) -> tuple[Example[int], ...]:
    """Images whose brightness is nearest to their side's mean, one of each side in a pair."""
    sides = []
    for side in (used.learned, used.split == split):
        images = np.flatnonzero(side)
        distance = np.abs(measured.brightness[images] - measured.brightness[images].mean())
        sides.append(images[np.argsort(distance, kind="stable")[:TYPICAL]].tolist())
    return tuple(Example("typical in brightness", pair) for pair in zip(*sides, strict=False))


def two_sample(used: Used, cluster: Index, seed: int) -> Finding[int]:
    """Whether a simple classifier tells given validation images from training images.

    Clusters (groups, near duplicates) on both sides are leakage, reported as such, and left out here. At most SIDE
    images a side are drawn by `seed`.
    """
    learned, held = used.learned, used.split == "val"
    on: NDArray[np.bool_] = np.zeros((2, int(cluster.max()) + 1), np.bool_)
    on[0, cluster[learned]] = on[1, cluster[held]] = True
    left_out = (on[0] & on[1])[cluster] & (learned | held)
    rng = np.random.default_rng(seed)
    drawn = [np.flatnonzero(side & ~left_out) for side in (learned, held)]
    drawn = [np.sort(rng.permutation(side)[:SIDE]) for side in drawn]
    images = np.concatenate(drawn)
    is_validation = np.repeat([False, True], [len(side) for side in drawn])
    auc, p = math.nan, None
    if len(images):
        features = pixel_features(used.source.images[used.index[images]])
        if np.ptp(features, axis=0).any():
            with threadpool_limits(1):  # the number of cores must not decide a digit
                tested = two_sample_auc(features, is_validation, cluster[images], seed, PERMUTATIONS)
            auc, p = tested.auc, tested.p
    compared = f"{len(drawn[0]):,} training and {len(drawn[1]):,} validation images"
    rest = f"; {left_out.sum():,} images whose group or near duplicates lie on both sides are left out"
    rest = rest if left_out.any() else ""
    if p is None:
        found = f"{compared} are too few groups, or too much alike, to tell{rest}."
        return Finding("VG106", "two_sample", TITLE, "unknown", 0, 0, "splits", found, "")
    apart = p <= ALPHA and auc >= TOLD_APART
    severity: Severity = "fine" if not apart else "problem" if auc >= CLEARLY else "worth a look"
    beyond = "more than in any" if p <= ALPHA else "no more than in some"
    found = (
        "Shown an unseen validation and an unseen training image, a simple classifier tells which is which in "
        f"{100 * auc:.0f}% of pairs (chance: 50%; {compared}), {beyond} of {PERMUTATIONS} trials with sides "
        f"shuffled{rest}."
    )
    effect = "Nothing: validation images look like training images."
    if apart:
        effect = (
            "Validation images differ from training images as such, so that part of the gap may be shift, not "
            "overfitting; the cause “the split itself” tests how large that part is."
        )
    elif p <= ALPHA:
        effect = "Little: validation images differ from training images, but hardly."
    return Finding("VG106", "two_sample", TITLE, severity, int(apart), 1, "splits", found, effect)

"""Findings on images that are equal or nearly so: across splits, within a split, under different labels."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from valgap.findings import pairs
from valgap.findings.finding import (
    EARLIER,
    EXAMPLES,
    HELD_OUT,
    PROBLEM_SHARE,
    SPLITS,
    Example,
    Finding,
    Severity,
    Used,
    listed,
    severity_of,
)
from valgap.findings.neighbours import NEAR, Similar

Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Kind:
    """Equal or nearly equal images: how findings on them are named and what they say.

    `across` and `within` are the codes of those across splits and within one.
    """

    name: str
    across: str
    within: str
    title: str
    same: str
    caution: str = ""


EXACT = Kind("exact", "VG102", "VG110", "Exact duplicates", "pixel for pixel the same as")
NEARLY = Kind(
    "near",
    "VG103",
    "VG111",
    "Near duplicates",
    f"correlated by at least {NEAR:g}, pixel by pixel, with",
    " Near duplicates can be frames of one scene or copies saved anew, or merely look alike: look at them.",
)


def exact(used: Used, original: Index) -> list[Finding]:
    """Exact duplicates across and within splits, and under different labels; (m,) `original` as in Measured."""
    mask = np.zeros(len(original), np.int64)
    np.bitwise_or.at(mask, original, used.bits)
    everything = np.ones(len(original), np.bool_)
    across, within = _earlier(used, mask[original]), _repeated(used, original)
    return [
        _across(EXACT, used, across, everything, pairs.of_equals(used, original, across, True)),
        _within(EXACT, used, within, everything, pairs.of_equals(used, original, within, False)),
        _conflicts(used, original),
    ]


def near(used: Used, original: Index, similar: Similar) -> list[Finding]:
    """Near duplicates across and within splits. Exact ones do not count, and share what is near their original."""
    mask = np.zeros(len(original), np.int64)
    np.bitwise_or.at(mask, original, used.bits)
    apart = used.families[similar.pairs[:, 0]] != used.families[similar.pairs[:, 1]]
    across = _earlier(used, _beside(mask, similar.pairs)[original]) & similar.checked
    within = ((_beside(mask, similar.pairs[apart])[original] & used.bits) != 0) & similar.checked
    return [
        _across(NEARLY, used, across, similar.checked, pairs.of_clusters(used, original, similar, across, True)),
        _within(NEARLY, used, within, similar.checked, pairs.of_clusters(used, original, similar, within, False)),
    ]


def _earlier(used: Used, mask: Index) -> NDArray[np.bool_]:
    """Held-out images whose (m,) `mask` of splits has one that is used before theirs."""
    found = np.zeros(len(mask), np.bool_)
    for name, bits in EARLIER.items():
        found |= (used.split == name) & ((mask & bits) != 0)
    return found


def _beside(mask: Index, near_pairs: Index) -> Index:
    """Of each original, the splits of its near duplicates; `mask` (m,) are the splits of each original."""
    found = np.zeros(len(mask), np.int64)
    for one, other in (near_pairs.T, near_pairs.T[::-1]):
        np.bitwise_or.at(found, one, mask[other])
    return found


def _repeated(used: Used, original: Index) -> NDArray[np.bool_]:
    """Images that occur more than once in their split, in different groups where groups are declared."""
    cells, cell = np.unique(original * (1 << len(SPLITS)) + used.bits, return_inverse=True)
    families = np.unique(np.stack([cell, used.families], axis=1), axis=0)[:, 0]
    return np.bincount(families, minlength=len(cells))[cell] > 1


def _counts(
    used: Used, affected: NDArray[np.bool_], checked: NDArray[np.bool_], splits: list[str]
) -> dict[str, tuple[int, int]]:
    """Affected and checked images of each split."""
    members = {name: used.split == name for name in splits}
    return {name: (int(np.sum(affected & of)), int(np.sum(checked & of))) for name, of in members.items()}


def _across(
    kind: Kind, used: Used, affected: NDArray[np.bool_], checked: NDArray[np.bool_], examples: tuple[Example[int], ...]
) -> Finding[int]:
    counts = _counts(used, affected, checked, [name for name in HELD_OUT if name in used.present])
    severity: Severity = "worth a look" if affected.any() else "fine"
    if any(count and count >= PROBLEM_SHARE * of for count, of in counts.values()):
        severity = "problem"
    if not counts:
        severity = "unknown"
    texts = [f"{count:,} of {of:,} {name} images" for name, (count, of) in counts.items()]
    shares = [f"{100 * count / of:.1f} pp of {name} accuracy" for name, (count, of) in counts.items() if count]
    found, effect = "No image is held out.", ""
    if texts:
        effect = "Nothing: no held-out image is known from training."
        found = f"{listed(texts)} are {kind.same} an image of a split before theirs{_sampled(checked)}."
    if shares:
        gap = "the gap looks smaller than it is" if counts.get("val", (0, 0))[0] else "the gap itself is not touched"
        effect = (
            f"A network can know such images by heart: up to {listed(shares)} may be unearned; {gap}.{kind.caution}"
        )
    return Finding(
        kind.across,
        f"{kind.name}_across",
        f"{kind.title} across splits",
        severity,
        int(affected.sum()),
        sum(of for _, of in counts.values()),
        "held-out images",
        found,
        effect,
        examples,
    )


def _within(
    kind: Kind, used: Used, affected: NDArray[np.bool_], checked: NDArray[np.bool_], examples: tuple[Example[int], ...]
) -> Finding[int]:
    counts = _counts(used, affected, checked, used.present)
    in_pool, pool = counts.get("pool", (0, 0))
    severity: Severity = "worth a look" if affected.any() else "fine"
    if kind is EXACT and in_pool:
        severity = severity_of(in_pool, pool)
    if not counts:
        severity = "unknown"
    texts = [f"{count:,} of {of:,} {name} images" for name, (count, of) in counts.items()]
    found, effect = "There are no images.", ""
    if texts:
        effect = "Nothing: every image is there once."
        apart = " and another group" if used.groups is not None else ""
        found = f"{listed(texts)} are {kind.same} another image of the same split{apart}{_sampled(checked)}."
    if in_pool:
        effect = (
            "Splits are drawn from the pool, and such a pair can come to lie on both sides: the gap then looks smaller "
            f"than it is.{kind.caution}"
        )
    elif affected.any():
        effect = (
            "There are fewer different images than it seems: less to learn from, and wider intervals than those "
            f"shown.{kind.caution}"
        )
    return Finding(
        kind.within,
        f"{kind.name}_within",
        f"{kind.title} within a split",
        severity,
        int(affected.sum()),
        int(checked.sum()),
        "images",
        found,
        effect,
        examples,
    )


def _conflicts(used: Used, original: Index) -> Finding[int]:
    labels = np.unique(np.stack([original, used.labels], axis=1), axis=0)[:, 0]
    affected = np.bincount(labels, minlength=len(original))[original] > 1
    count = int(affected.sum())
    examples = []
    for first in np.unique(original[affected])[:EXAMPLES].tolist():
        others = np.flatnonzero((original == first) & (used.labels != used.labels[first]))
        examples.append(Example("the same pixels, two labels", (first, int(others[0]))))
    found = f"{count:,} of {len(original):,} images have the same pixels as an image with another label."
    effect = "Nothing: no image has two labels."
    if count:
        effect = (
            "One label of such a pair is wrong, or the classes overlap: learned by heart in training, it is a mistake "
            "in validation, which widens the gap and sets accuracy a limit that no remedy lifts."
        )
    return Finding(
        "VG104",
        "conflicting_labels",
        "The same image under different labels",
        "problem" if count else "fine",
        count,
        len(original),
        "images",
        found,
        effect,
        tuple(examples),
    )


def _sampled(checked: NDArray[np.bool_]) -> str:
    """What to add where not every image was searched for."""
    if checked.all():
        return ""
    return f" ({checked.sum():,} images, drawn by the suite's seed, were searched for among all {len(checked):,})"

"""Finding on held-out images that are mirrored, turned, zoomed or shifted copies of an image used before them."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from valgap.findings.copies import Copies, Found
from valgap.findings.finding import (
    EARLIER,
    EXAMPLES,
    HELD_OUT,
    PROBLEM_SHARE,
    Example,
    Finding,
    Severity,
    Sheet,
    Used,
    listed,
)
from valgap.findings.moved import SELDOM

Index = NDArray[np.int64]
CODE, NAME = "VG116", "altered_across"
ALL, RIGHT = (
    "Mirrored, turned or zoomed copies across splits",
    "Copies across splits, mirrored or turned by right angles",
)
TOLD = (
    f"Those turned by a few degrees, zoomed or shifted are told from look-alikes only where they are {SELDOM:.0%} of a "
    "split's images or more."
)
UNTOLD = (
    "Copies turned by a few degrees or zoomed were not searched for, or cannot be told here from images that merely "
    "look alike."
)
APART = 2.0  # times as many as among training images, from which on they are no look-alikes
LITTLE = "turned, zoomed or shifted a little"


def altered(used: Used, original: Index, copies: Copies, alike: float | None) -> Finding[int]:
    """Held-out images that are changed copies of images used before them; (m,) `original` as in Measured.

    `alike` is the share of training images that look so among themselves: things that merely look alike do.
    """
    title = ALL if copies.moved.told else RIGHT
    splits = [name for name in HELD_OUT if name in used.present]
    if not splits or not used.learned.any():
        return Finding(CODE, NAME, title, "unknown", 0, 0, "held-out images", "No image is held out of training.", "")
    right, moved = (_affected(used, original, found) for found in (copies.right, copies.moved))
    affected, checked = right | moved, copies.right.checked
    counts = {name: (int(np.sum(affected & side)), int(np.sum(checked & side))) for name, side in _sides(used, splits)}
    severity: Severity = "worth a look" if affected.any() else "fine"
    common = alike or 0.0
    if any(count and count >= max(PROBLEM_SHARE, APART * common) * of for count, of in counts.values()):
        severity = "problem"
    texts = [f"{count:,} of {of:,} {name} images" for name, (count, of) in counts.items()]
    changes = ", mirrored or turned by right angles" if title == RIGHT else ", mirrored, turned, zoomed or shifted"
    found = f"{listed(texts)} show the same as an image of their class in a split before theirs{changes}"
    found += f"{_sampled(used, copies)}. {TOLD if copies.moved.told else UNTOLD}"
    if affected.any() and severity != "problem" and common:
        found += " Training images look so among themselves too: made before splitting, or merely alike."
    effect = "Nothing: no held-out image is such a copy of an image of a split before its own."
    if affected.any():
        shares = [f"{100 * count / of:.1f} pp of {name} accuracy" for name, (count, of) in counts.items() if count]
        gap = "the gap looks smaller than it is" if counts.get("val", (0, 0))[0] else "the gap itself is not touched"
        effect = (
            f"A network, the more so one trained with augmentation, can know them by heart: up to {listed(shares)} may "
            f"be unearned; {gap}. Augment after splitting, and training images only. Look at them: some may but "
            "look alike."
        )
    return Finding(
        CODE, NAME, title, severity, int(affected.sum()), sum(of for _, of in counts.values()), "held-out images",
        found, effect, _examples(used, original, copies), _table(used, original, copies, splits),
    )  # fmt: skip


def _sides(used: Used, splits: list[str]) -> list[tuple[str, NDArray[np.bool_]]]:
    return [(name, used.split == name) for name in splits]


def _affected(used: Used, original: Index, found: Found) -> NDArray[np.bool_]:
    """Held-out images with an original, in a split before theirs, of which they are changed copies."""
    mask, beside = np.zeros(len(original), np.int64), np.zeros(len(original), np.int64)
    np.bitwise_or.at(mask, original, used.bits)
    np.bitwise_or.at(beside, found.pairs[:, 0], mask[found.pairs[:, 1]])
    affected = np.zeros(len(original), np.bool_)
    for name, bits in EARLIER.items():
        affected |= (used.split == name) & ((beside[original] & bits) != 0)
    return affected


def _table(used: Used, original: Index, copies: Copies, splits: list[str]) -> tuple[Sheet, ...]:
    """What was done to how many held-out images; of several changes of one image the first counts."""
    kinds = (*copies.right.how, *(LITTLE + (", mirrored" if "mirrored" in how else "") for how in copies.moved.how))
    kind_of: dict[int, str] = {}
    for copy, kind in zip(copies.pairs[:, 0].tolist(), kinds, strict=True):
        kind_of.setdefault(copy, kind)
    affected = _affected(used, original, copies.right) | _affected(used, original, copies.moved)
    counts = {
        name: Counter(kind_of[first] for first in original[affected & side].tolist())
        for name, side in _sides(used, splits)
    }
    rows = tuple((kind, *(f"{counts[name][kind]:,}" for name in splits)) for kind in dict.fromkeys(kind_of.values()))
    return (
        (Sheet("Copies of images of a split before theirs, by what was done.", ("what", *splits), rows),)
        if rows
        else ()
    )


def _examples(used: Used, original: Index, copies: Copies) -> tuple[Example[int], ...]:
    """Pairs of an image and its copy, of every kind of change one before a second of any."""
    shown: dict[str, list[Example[int]]] = {}
    for (copy, of), how in zip(copies.pairs.tolist(), copies.how, strict=True):
        for image in np.flatnonzero(original == copy):
            earlier = EARLIER.get(str(used.split[image]), 0)
            sources = np.flatnonzero((original == of) & ((used.bits & earlier) != 0))
            if len(sources):
                kind = how.split(" ")[0]
                shown.setdefault(kind, []).append(Example(how, (int(sources[0]), int(image))))
                break
        if len(shown) and min(map(len, shown.values())) >= EXAMPLES:
            break
    turns = max(map(len, shown.values()), default=0)
    found = [examples[turn] for turn in range(turns) for examples in shown.values() if turn < len(examples)]
    return tuple(found[:EXAMPLES])


def _sampled(used: Used, copies: Copies) -> str:
    """What to add where not every held-out image was searched for."""
    held = int(np.sum(~used.learned))
    right, moved = (int(np.sum(found.checked)) for found in (copies.right, copies.moved))
    if right < held:
        return f" ({right:,} of {held:,}, drawn by the suite's seed, were searched for; turned a little, {moved:,})"
    if copies.moved.told and moved < held:
        return f" (turned a little, {moved:,} of {held:,}, drawn by the suite's seed, were searched for)"
    return ""

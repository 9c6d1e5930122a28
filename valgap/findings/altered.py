"""Findings on images that are changed copies of an image used before them, or of one in their own split."""

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
WITHIN = "VG121"
ALL, RIGHT = (
    "Mirrored, turned or zoomed copies across splits",
    "Copies across splits, mirrored or turned by right angles",
)
TOLD = (
    f"Those turned by more than a few degrees or zoomed by more than a tenth are told from look-alikes only where they "
    f"are {SELDOM:.0%} of a split's images or more."
)
UNTOLD = (
    "Copies turned by more than a few degrees or zoomed by more than a tenth were not searched for, or cannot be told "
    "here from images that merely look alike."
)
LEAST = 3  # copies, from which on they are a problem: of a small split one is 1%, and one may be chance
APART = 2.0  # times as many as among training images, from which on they are no look-alikes
LITTLE, CHANGED = "turned, zoomed or shifted a little", "cut, lit otherwise, marked or saved anew"


def altered(used: Used, original: Index, copies: Copies, alike: float | None) -> Finding[int]:
    """Held-out images that are changed copies of images used before them; (m,) `original` as in Measured.

    `alike` is the share of training images that look so among themselves: things that merely look alike do.
    """
    title = ALL if copies.moved.told else RIGHT
    splits = [name for name in HELD_OUT if name in used.present]
    if not splits or not used.learned.any():
        return Finding(CODE, NAME, title, "unknown", 0, 0, "held-out images", "No image is held out of training.", "")
    affected, checked = _copied(used, original, copies), copies.right.checked
    counts = {name: (int(np.sum(affected & side)), int(np.sum(checked & side))) for name, side in _sides(used, splits)}
    severity: Severity = "worth a look" if affected.any() else "fine"
    common = alike or 0.0
    if any(count >= max(LEAST, max(PROBLEM_SHARE, APART * common) * of) for count, of in counts.values()):
        severity = "problem"
    texts = [f"{count:,} of {of:,} {name} images" for name, (count, of) in counts.items()]
    changes = "cut, mirrored, turned, lit otherwise, marked or saved anew"
    found = f"{listed(texts)} show the same as an image of their class in a split before theirs, {changes}"
    found += f"{_sampled(used, copies)}. {TOLD if copies.moved.told else UNTOLD}"
    if affected.any() and severity != "problem" and common:
        found += " Training images look so among themselves too: made before splitting, or merely alike."
    if crossed := len(np.unique(copies.elsewhere[:, 0])):
        found += f" Another {crossed:,} show the same as an image of another class: one label of each pair is in doubt."
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


def altered_within(used: Used, copies: Copies) -> Finding[int]:
    """VG121: images that are changed copies of another image of their split."""
    found, splits = copies.within, used.present
    affected = np.zeros(len(used.index), np.bool_)
    affected[found.pairs[:, 0]] = True
    counts = {
        name: (int(np.sum(affected & side)), int(np.sum(found.checked & side))) for name, side in _sides(used, splits)
    }
    count = sum(each for each, _ in counts.values())
    words = effect = ""
    if not splits or not found.told:
        words = "There are no images, or they are too small for that."
    else:
        texts = [f"{each:,} of {of:,} {name} images" for name, (each, of) in counts.items()]
        apart = " and another group" if used.groups is not None else ""
        words = f"{listed(texts)} that were searched for show the same as another image of their split{apart}, changed."
        effect = "Nothing: every image shows something of its own."
    if count:
        effect = (
            "There are fewer different images than it seems: less to learn from, and wider intervals than those shown. "
            "Look at them: frames of one scene and copies made by augmenting belong together on one side of a split."
        )
    if count and counts.get("pool", (0, 0))[0]:
        effect = (
            "Splits are drawn from the pool, and such a pair can come to lie on both sides: the gap then looks smaller "
            "than it is. Look at them, and keep what belongs together in one group."
        )
    # Of several hundred images a pair or two look so by chance.
    many = any(each and each >= PROBLEM_SHARE * of for each, of in counts.values())
    severity: Severity = "unknown" if not effect else "worth a look" if many else "fine"
    examples = tuple(
        Example(how, (int(of), int(copy)))
        for (copy, of), how in list(zip(found.pairs.tolist(), found.how, strict=True))[:EXAMPLES]
    )
    of_all, title = int(found.checked.sum()), "Changed copies within a split"
    return Finding(WITHIN, "altered_within", title, severity, count, of_all, "images", words, effect, examples)


def _copied(used: Used, original: Index, copies: Copies) -> NDArray[np.bool_]:
    parts = [_affected(used, original, found) for found in (copies.right, copies.changed, copies.moved)]
    return np.any(parts, axis=0)


def _table(used: Used, original: Index, copies: Copies, splits: list[str]) -> tuple[Sheet, ...]:
    """What was done to how many held-out images; of several changes of one image the first counts."""
    kinds = (*copies.right.how, *map(_kind, copies.changed.how), *(_kind(how, LITTLE) for how in copies.moved.how))
    kind_of: dict[int, str] = {}
    for copy, kind in zip(copies.pairs[:, 0].tolist(), kinds, strict=True):
        kind_of.setdefault(copy, kind)
    affected = _copied(used, original, copies)
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


def _kind(how: str, kind: str = CHANGED) -> str:
    return kind + "".join(f", {each}" for each in ("mirrored", "inverted") if each in how)


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
    right, changed, moved = (int(np.sum(found.checked)) for found in (copies.right, copies.changed, copies.moved))
    if changed < min(right, held) and copies.changed.told:
        drawn = (
            f"{right:,} of {held:,}, drawn by the suite's seed, were searched for if mirrored or turned by right angles"
        )
        return f" ({drawn}, {changed:,} if changed otherwise, {moved:,} if turned or zoomed further)"
    if right < held:
        return f" ({right:,} of {held:,}, drawn by the suite's seed, were searched for; turned a little, {moved:,})"
    if copies.moved.told and moved < held:
        return f" (turned a little, {moved:,} of {held:,}, drawn by the suite's seed, were searched for)"
    return ""

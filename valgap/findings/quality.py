"""Finding on images that are hard to see: dark, overexposed, faint, blurred, of an odd size or shape beside their set.

An image counts where it stands out in its own set (a robust z) and in itself: on a black background every image is
dark in the mean, and none of them is meant.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.findings.appearance import appearance
from valgap.findings.finding import EXAMPLES, Example, Finding, Sheet, Used, listed, shown

TITLE = "Images that are hard to see"
ENOUGH = 20  # images: among fewer none stands out
Z, Z_SHARE, Z_BLUR = 3.0, 4.0, 5.0  # spreads, 1.4826 times the median absolute deviation, by which an image stands out
LEVELS, SHARE, BLUR, RATIO = 8.0, 0.03, 0.02, 0.1  # the least that counts as a spread: grey levels, shares, logarithms
DARK = 64  # grey levels: 99% of a dark image's pixels are no brighter
BRIGHT, PALE = 170, 120  # 95% and 99% of a washed-out image's pixels are no darker
CLIPPED = 0.35  # of pixels at the limit
FRAME = 0.05  # by which more of the border than of the whole may be at the limit: else it is a white background
FAINT = 16  # grey levels between the darkest and the brightest pixels
BLURRED = 0.3  # of the measure of blur
APART = 3.0  # times as small, as large, or as long, as the others
KINDS = ("dark", "overexposed", "faint", "blurred", "much smaller", "much larger", "odd shape")
ALPHA = 0.001  # of kinds that come by chance in one class or split, divided among classes
MOST = 0.5  # of a kind's images in one class, or one split
FEW = 5  # images of a kind: of fewer nothing is said about where they are

Marks = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Kind:
    """Which images (m,) are of a kind, and how much: `degree` (m,) is larger for those to look at first."""

    name: str
    marks: Marks
    degree: Values


def quality(used: Used, blank: Marks) -> Finding[int]:
    """Images that stand out by how they look, or by their files' size; (m,) `blank` ones are left out."""
    of = len(used.index)
    if of - int(blank.sum()) < ENOUGH:
        found = f"It takes {ENOUGH} images to say which of them stand out."
        return Finding("VG128", "quality", TITLE, "unknown", 0, of, "images", found, "")
    kinds = kinds_of(used, blank)
    count = int(np.any([each.marks for each in kinds], axis=0).sum()) if kinds else 0
    found = f"No image of {of:,} stands out as dark, overexposed, faint, blurred or of an odd size."
    effect = "Nothing: no image is harder to see than the others."
    if kinds:
        words = listed(f"{int(each.marks.sum()):,} {each.name}" for each in kinds)
        found = f"{count:,} of {of:,} images stand out from the others: {words}."
        found = " ".join([found, *filter(None, (_where(used, each) for each in kinds))])
        effect = (
            "What cannot be seen in them is learned by heart in training and guessed in validation. Where most of them "
            "are of one class or one split, a network can go by that, or is judged on other images than it learned."
        )
    return Finding(
        "VG128", "quality", TITLE, "worth a look" if count else "fine", count, of, "images", found, effect,
        tuple(_examples(kinds)), _table(used, kinds),
    )  # fmt: skip


def kinds_of(used: Used, blank: Marks) -> list[Kind]:
    """The kinds of which there is an image."""
    return [each for each in (*_seen(used, blank), *_shaped(used)) if each.marks.any()]


def _seen(used: Used, blank: Marks) -> Iterator[Kind]:
    """Kinds that the pixels tell."""
    seen = appearance(used.source.images, used.index)
    kept = ~blank
    top, low, span = (standing(each, kept, LEVELS) for each in (seen.top, seen.low, seen.span))
    clipped, blur = standing(seen.clipped, kept, SHARE), standing(seen.blur, kept & ~np.isnan(seen.blur), BLUR)
    dark = kept & (seen.top <= DARK) & (top <= -Z)
    pale = seen.top - seen.span >= PALE
    washed = pale & (seen.low >= BRIGHT) & (low >= Z)
    burnt = (seen.clipped >= CLIPPED) & (clipped >= Z_SHARE) & (pale | (seen.border < seen.clipped + FRAME))
    over = kept & ~dark & (washed | burnt)
    faint = kept & ~dark & ~over & (seen.span <= FAINT) & (span <= -Z)
    yield Kind("dark", dark, -seen.top)
    yield Kind("overexposed", over, seen.low + 255 * seen.clipped)
    yield Kind("faint", faint, -seen.span)
    yield Kind("blurred", kept & ~faint & (seen.blur >= BLURRED) & (blur >= Z_BLUR), seen.blur)


def _shaped(used: Used) -> Iterator[Kind]:
    """Kinds that the files' width and height tell, where there are files."""
    if used.source.files is None:
        return
    width, height = used.source.files.size[used.index].T.astype(np.float64)
    every = np.ones(len(width), np.bool_)
    side, long = np.log(np.maximum(width * height, 1)) / 2, np.abs(np.log(np.maximum(width, 1) / np.maximum(height, 1)))
    size, shape = standing(side, every, RATIO), standing(long, every, RATIO)
    far = np.log(APART)
    yield Kind("much smaller", (size <= -Z_SHARE) & (side <= np.median(side) - far), -side)
    yield Kind("much larger", (size >= Z_SHARE) & (side >= np.median(side) + far), side)
    yield Kind("odd shape", (shape >= Z_SHARE) & (long >= np.median(long) + far), long)


def standing(values: Values, among: Marks, least: float) -> Values:
    """(m,) by how many spreads each value is above the median of those `among`; a spread is `least` at least."""
    known = values[among]
    if not len(known):
        return np.zeros(len(values))
    middle = np.median(known)
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), least)
    return np.nan_to_num((values - middle) / spread)


def _where(used: Used, kind: Kind) -> str:
    """In which class, and in which split, most images of a kind are, where that is not by chance."""
    names = [f"class “{shown(name)}”" for name in used.source.class_names]
    splits = np.array([used.present.index(name) for name in used.split.tolist()], np.int64)
    places = [*_most(kind.marks, used.labels, names), *_most(kind.marks, splits, used.present)]
    if not places:
        return ""
    words = listed(f"{hits:,} of {name} (of {size:,} images there)" for name, hits, size in places)
    return f"Of the {kind.name} ones {words}."


def _most(marks: Marks, member: NDArray[np.int64], names: list[str]) -> Iterator[tuple[str, int, int]]:
    """(name, images of the kind, images) of a class or split that has most of the kind, beyond chance."""
    total, of = int(marks.sum()), len(marks)
    sizes, hits = (np.bincount(each, minlength=len(names)) for each in (member, member[marks]))
    place = int(np.argmax(hits))
    chance = stats.hypergeom.sf(hits[place] - 1, of, total, sizes[place]) * len(names)
    if total >= FEW and hits[place] > MOST * total and chance < ALPHA:
        yield names[place], int(hits[place]), int(sizes[place])


def _examples(kinds: list[Kind]) -> Iterator[Example[int]]:
    """The first of each kind, then the second of each, and so on."""
    ranked = []
    for kind in kinds:
        marked = np.flatnonzero(kind.marks)
        order = marked[np.argsort(-kind.degree[marked], kind="stable")].tolist()
        ranked += [(turn, KINDS.index(kind.name), kind.name, image) for turn, image in enumerate(order[:EXAMPLES])]
    for _, _, name, image in sorted(ranked)[:EXAMPLES]:
        yield Example(name, (image,))


def _table(used: Used, kinds: list[Kind]) -> tuple[Sheet, ...]:
    """How many images of each kind are in each split."""
    rows = [
        (
            each.name,
            f"{int(each.marks.sum()):,}",
            *(f"{int(each.marks[used.split == name].sum()):,}" for name in used.present),
        )
        for each in kinds
    ]
    headings = ("kind", "images", *used.present)
    return (Sheet("Images that stand out, by kind and split.", headings, tuple(rows)),) if rows else ()

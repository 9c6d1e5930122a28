"""Finding on segments: images of one light, sharpness, shape, group or folder that a model is worse at than at others.

Segments are fixed before anything is looked at. A segment is judged within classes, so that a hard class is not blamed
on the light that it is taken in, and by the largest of all segments under permutation, so that many cost no error.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.findings.finding import EXAMPLES, Example, Finding, Sheet, Used, listed, shown
from valgap.findings.properties import properties

Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
TAIL = 0.2  # share of images at either end of a property
LEAST = 20  # images of a segment
KINDS = 12  # largest groups, folders and formats, each
FEWEST = 60  # held-out images
MOST = 5_000  # held-out images, at most
PERMUTATIONS = 999
ALPHA = 0.01  # false alarms over all segments of a check
LOST = 0.05  # of accuracy that a segment must lack, beyond what its classes explain
ANEW = 0.5  # of its images that segments before have, at most
NAMED = 3  # segments in a sentence
CONFIDENCE = 0.95
TITLE = "Images that the model is worse at"
ENDS = {  # of a property: what its low and its high end are called
    "brightness": ("dark images", "bright images"),
    "contrast": ("images of low contrast", "images of high contrast"),
    "sharpness": ("blurred images", "sharp or noisy images"),
    "the darkest level": ("images with black in them", "images without any black"),
    "brightness of the border": ("images with a dark border", "images with a bright border"),
    "red in pixels of the whole": ("images with little red", "reddish images"),
    "blue in pixels of the whole": ("images with little blue", "bluish images"),
    "area": ("small files", "large files"),
    "aspect": ("tall images", "wide images"),
}


@dataclasses.dataclass(frozen=True)
class Segment:
    """Some of the images, as (n,) flags, in words."""

    name: str
    has: Flags


@dataclasses.dataclass(frozen=True)
class Judged:
    """How a model does on a segment: `right` of `images`, `elsewhere` on the others, in shares.

    `lost` is the share by which it is right less often than on images of the same classes at large; `p` is corrected
    for the number of segments.
    """

    segment: Segment
    images: int
    right: float
    elsewhere: float
    lost: float
    p: float


def weak(used: Used, held: str, right: Flags, seed: int) -> Finding[int]:
    """Segments of the split `held` in which `right` (m,), what the model recognises of the used images, is rarer."""
    rows = np.flatnonzero(used.split == held)
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST])
    if len(rows) < FEWEST:
        found = f"It takes {FEWEST} images that the model was not trained on."
        return Finding("VG125", "segments", TITLE, "unknown", 0, len(rows), "images", found, "")
    segments = of(used, rows)
    bad = worst(judge(segments, right[rows], used.labels[rows], seed))
    some = np.zeros(len(rows), np.bool_)
    for each in bad:
        some |= each.segment.has
    text = f"No segment of {len(segments):,} (light, colour, sharpness, shape, group, folder) is worse than the rest."
    effect = "Nothing: mistakes are spread evenly over them."
    if bad:
        rest = len(bad) - NAMED
        text = f"{listed(map(_told, bad[:NAMED]))}{f', and {rest:,} more segments' if rest > 0 else ''}."
        effect = (
            "Part of the gap lies there: held-out images of this kind are recognised less often than others of their "
            "classes. More such images in training, or augmentation that makes them, is what can help."
        )
    examples = tuple(
        Example(each.segment.name, tuple(rows[each.segment.has & ~right[rows]][: EXAMPLES // 2].tolist()))
        for each in bad[:NAMED]
    )
    return Finding(
        "VG125", "segments", TITLE, "worth a look" if bad else "fine", int(some.sum()), len(rows), "images", text,
        effect, examples, _table(bad),
    )  # fmt: skip


def of(used: Used, rows: Index) -> list[Segment]:
    """The segments of the used images at (n,) `rows`: ends of properties, groups, folders, formats of files."""
    values, kinds = appearance(used.source.images, used.index[rows]), {"folder": _folders(used, rows)}
    if (files := used.source.files) is not None:
        width, height = files.size[used.index[rows]].T.astype(np.float32)
        values |= {"area": width * height, "aspect": width / np.maximum(height, 1)}
        kinds["format"] = files.format[used.index[rows]]
    if used.groups is not None:
        kinds["group"] = used.groups[rows].astype(str)
    return by(values, kinds)


def appearance(images: NDArray[np.uint8], index: Index) -> dict[str, NDArray[np.float32]]:
    """What the images at (n,) `index` of all `images` look like: (n,) values by the property's name, a key of ENDS."""
    return {each.name: each.values for each in properties(images, index) if each.name in ENDS}


def by(values: Mapping[str, NDArray[np.float32]], kinds: Mapping[str, NDArray[np.str_]]) -> list[Segment]:
    """The ends of (n,) values, and the largest of (n,) kinds, that have images enough."""
    found = []
    for name, value in values.items():
        low, high = np.quantile(value, (TAIL, 1 - TAIL))
        found += [Segment(ENDS[name][0], value <= low), Segment(ENDS[name][1], value >= high)]
    for what, kind in kinds.items():
        names, counts = np.unique(kind, return_counts=True)
        for place in np.argsort(-counts, kind="stable")[:KINDS] if len(names) > 1 else ():
            found.append(Segment(f"{what} “{shown(str(names[place]))}”", kind == names[place]))
    return [each for each in found if LEAST <= each.has.sum() <= len(each.has) - LEAST]


def judge(segments: list[Segment], right: Flags, labels: Index, seed: int) -> list[Judged]:
    """Judge segments of n images by (n,) `right`, within (n,) classes: largest z of all under permutations."""
    if not segments or right.all() or not right.any():
        return []
    has = np.array([each.has for each in segments], np.float64)
    _, member, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.bincount(member, right) / sizes
    inside = np.array([np.bincount(member, each, len(sizes)) for each in has])  # (segments, classes)
    spread = means * (1 - means) * sizes / np.maximum(sizes - 1, 1)
    variance = (inside * (1 - inside / sizes)) @ spread  # of a hypergeometric count, class by class
    scale, expected = np.sqrt(np.maximum(variance, 1e-12)), inside @ means
    residual = right - means[member]

    def z(hits: NDArray[np.float64]) -> NDArray[np.float64]:
        lacking = expected[:, None] - has @ hits  # a count: exact, in whatever order it is summed
        return np.where(variance[:, None] > 1e-9, np.round(lacking / scale[:, None], 9), 0.0)

    rng = np.random.default_rng(seed)
    order = np.argsort(member, kind="stable")
    shuffled = np.empty((len(right), PERMUTATIONS))
    for those in np.split(order, np.cumsum(sizes)[:-1]):
        shuffled[those] = rng.permuted(np.repeat(right[those][:, None], PERMUTATIONS, axis=1), axis=0)
    largest, own = z(shuffled).max(axis=0), z(right[:, None].astype(np.float64))[:, 0]
    return [
        Judged(
            each, int(each.has.sum()), float(right[each.has].mean()), float(right[~each.has].mean()),
            float(-residual[each.has].mean()), float(1 + np.sum(largest >= value)) / (1 + PERMUTATIONS),
        )
        for each, value in zip(segments, own.tolist(), strict=True)
    ]  # fmt: skip


def _folders(used: Used, rows: Index) -> NDArray[np.str_]:
    """The folder of each image, without those that name its split or its class."""
    plain = {*used.source.class_names, used.split[rows[0]], "validation", "valid"}
    paths = [PurePosixPath(used.source.names[place]).parent.parts for place in used.index[rows].tolist()]
    return np.array(["/".join(part for part in parts if part not in plain) for parts in paths])


def worst(judged: Sequence[Judged]) -> list[Judged]:
    """Those that are worse for sure, by what matters, the worst first.

    Without those of which most images lie in the segments before them: dark images are of low contrast too.
    """
    found: list[Judged] = []
    bad = [each for each in judged if each.p <= ALPHA and each.lost >= LOST]
    for each in sorted(bad, key=lambda each: -each.lost):
        before = np.any([other.segment.has for other in found], axis=0) & each.segment.has
        if before.sum() <= ANEW * each.images:
            found.append(each)
    return found


def _told(each: Judged) -> str:
    return (
        f"{each.segment.name}: {each.right:.0%} of {each.images:,} are recognised ({_limits(each)}), elsewhere "
        f"{each.elsewhere:.0%}"
    )


def limits(each: Judged) -> tuple[float, float]:
    """Wilson's limits of the share that is right, at 95%."""
    found = stats.binomtest(round(each.right * each.images), each.images).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def _limits(each: Judged) -> str:
    low, high = limits(each)
    return f"{100 * low:.0f} to {100 * high:.0f}%"


def _table(bad: list[Judged]) -> tuple[Sheet, ...]:
    rows = tuple(
        (
            each.segment.name, f"{each.images:,}", f"{each.right:.1%}", _limits(each), f"{each.elsewhere:.1%}",
            f"{100 * each.lost:.1f}", f"{each.p:.3f}",
        )
        for each in bad
    )  # fmt: skip
    headings = ("segment", "images", "recognised", "95% interval", "elsewhere", "lost (pp)", "p")
    caption = (
        "Held-out images that are recognised less often than others of the same classes; p is corrected for all "
        f"segments ({PERMUTATIONS} permutations within classes)."
    )
    return (Sheet(caption, headings, rows),) if rows else ()

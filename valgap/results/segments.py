"""Segments of the test images that the baseline is worse at, by how the images look and their groups."""

import base64
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.findings.segments import FEWEST, MOST, Judged, appearance, by, judge, limits, worst
from valgap.results.scores import encode_png
from valgap.stats.run import Run

Index = NDArray[np.int64]
SHOWN = 6  # mistakes of a segment, with their pixels
COLUMNS = ["segment", "images", "right", "low", "high", "elsewhere", "lost", "p", "weak", "pngs"]


def table(run: Run, images: NDArray[np.uint8], seed: int) -> pd.DataFrame:
    """segments.csv: every segment that was judged, the worst first; `weak` is 1 where it is worse for sure.

    `images` are all images, uint8 NHWC, into which the run's lists point. An image counts as right where most of the
    replicates that test on it are. `right`, with Wilson's limits, and `elsewhere` are shares; `lost` is the share by
    which a segment is right less often than its classes are at large, `p` is corrected for all segments; `pngs` are
    mistakes of a weak one, in base64. No row where there are fewer than FEWEST test images; of more than MOST some are
    drawn by `seed`.
    """
    index, labels, groups, right = _tested(run)
    if len(index) < FEWEST:
        return pd.DataFrame(columns=COLUMNS)
    rows = np.sort(np.random.default_rng(seed).permutation(len(index))[:MOST])
    kinds = {"group": groups[rows].astype(str)} if len(np.unique(groups)) < len(groups) else {}
    segments = by(appearance(images, index[rows]), kinds)
    judged = judge(segments, right[rows], labels[rows], seed)
    bad = worst(judged)
    others = sorted((each for each in judged if each not in bad), key=lambda each: -each.lost)
    listed = [_row(each, each in bad, images, index[rows[each.segment.has & ~right[rows]]]) for each in [*bad, *others]]
    return pd.DataFrame(listed, columns=COLUMNS)


def _tested(run: Run) -> tuple[Index, Index, Index, NDArray[np.bool_]]:
    """Places of all test images, ascending, their labels and groups, and whether most replicates get them right."""
    every = run["test_index"].ravel()
    hits = (run["test_probabilities"].argmax(axis=2) == run["test_labels"]).ravel()
    index, first, at = np.unique(every, return_index=True, return_inverse=True)
    right = np.bincount(at, hits) / np.bincount(at) > 1 / 2
    return index, run["test_labels"].ravel()[first], run["test_groups"].ravel()[first], right


def _row(each: Judged, is_weak: bool, images: NDArray[np.uint8], mistakes: Index) -> Sequence[object]:
    pngs = [base64.b64encode(encode_png(images[place])).decode("ascii") for place in mistakes[:SHOWN]]
    shares = (each.right, *limits(each), each.elsewhere, each.lost, each.p)
    return (each.segment.name, each.images, *shares, int(is_weak), " ".join(pngs) if is_weak else "")

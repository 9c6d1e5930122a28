"""Segments of the test images that the baseline is worse at, by how the images look and their groups."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.findings.segments import FEWEST, MOST, appearance, by, judge, limits, worst
from valgap.results.scores import png_text
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
    weak = {each.segment.name for each in worst(judged)}
    listed = []
    for each in sorted(judged, key=lambda each: (each.segment.name not in weak, -each.lost)):
        is_weak = each.segment.name in weak
        mistakes = index[rows[each.segment.has & ~right[rows]]][: SHOWN if is_weak else 0]
        shares = (each.right, *limits(each), each.elsewhere, each.lost, each.p)
        pngs = " ".join(png_text(images[place]) for place in mistakes)
        listed.append((each.segment.name, each.images, *shares, int(is_weak), pngs))
    return pd.DataFrame(listed, columns=COLUMNS)


def _tested(run: Run) -> tuple[Index, Index, Index, NDArray[np.bool_]]:
    """Places of all test images, ascending, their labels and groups, and whether most replicates get them right."""
    every = run["test_index"].ravel()
    hits = (run["test_probabilities"].argmax(axis=2) == run["test_labels"]).ravel()
    index, first, at = np.unique(every, return_index=True, return_inverse=True)
    right = np.bincount(at, hits) / np.bincount(at) > 1 / 2
    return index, run["test_labels"].ravel()[first], run["test_groups"].ravel()[first], right

"""What one full pass over a split showed, and the first images of a second pass."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Again:
    """The first m images of a second pass: digests (m,) uint64, labels (m,), pixels uint8 (m, h, w, c)."""

    digests: NDArray[np.uint64]
    labels: Index
    pixels: NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Survey:
    """One full pass over n images of a split, in the order in which they came.

    `pixels` (n, h, w, c) uint8, perhaps a memory map, hold values quantised to `low` + (`high` - `low`) * level / 255.
    `thumbs` (n, rows, columns) float32 are small grey copies of them, in values.
    `labels` (n,) int64 are -1 for a one-hot row of zeros; `width` is that of one-hot labels, None for numbers.
    `outputs` (n, k) float32 are the model's in inference mode, if it was run. `digests` (n,) uint64 tell images that
    are equal to the last bit. `lows`, `highs` (n,) are the least and largest finite value of each image, `finite` (n,)
    says which have finite values only. `means`, `stds` (c,) are over all finite values of a channel. `batches` (b,)
    are sizes, in order. `grid` is the step of the grid on which values lie: "127.5" for whole levels mapped to
    [-1, 1], "255" to [0, 1], "1" for whole numbers, None for none. `kind` is how the split came: "arrays", "dataset",
    "sequence", "iterable" or "generator"; `limited` says that a number of steps ended the pass. `again` is None where
    no second pass was to be had.
    """

    name: str
    kind: str
    class_names: tuple[str, ...] | None
    raw_dtype: str | None
    width: int | None
    limited: bool
    pixels: NDArray[np.uint8]
    low: float
    high: float
    thumbs: NDArray[np.float32]
    labels: Index
    outputs: NDArray[np.float32] | None
    digests: NDArray[np.uint64]
    lows: NDArray[np.float32]
    highs: NDArray[np.float32]
    finite: NDArray[np.bool_]
    means: NDArray[np.float64]
    stds: NDArray[np.float64]
    batches: Index
    grid: str | None
    again: Again | None

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def least(self) -> float:
        """The least finite value of all images; NaN where there is none."""
        return float(np.nanmin(self.lows)) if np.isfinite(self.lows).any() else float("nan")

    @property
    def largest(self) -> float:
        """The largest finite value of all images; NaN where there is none."""
        return float(np.nanmax(self.highs)) if np.isfinite(self.highs).any() else float("nan")

    def sample(self, most: int, seed: int = 0) -> Index:
        """Sorted places of at most `most` images with finite values, drawn evenly."""
        usable = np.flatnonzero(self.finite & (self.labels >= 0))
        if len(usable) <= most:
            return usable
        return np.sort(np.random.default_rng(seed).choice(usable, most, replace=False))

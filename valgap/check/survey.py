"""One pass over a feed in bounded memory, and the start of a second: what all rules on input pipelines look at.

Pixels go to a file, quantised to uint8. The range of levels is found while images come: the first of `LADDER` that
holds them; where a later batch breaks it, what was written is written again in the next range that holds all.
"""

import hashlib
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from valgap.check.feeds import Feed
from valgap.diagnostics.pipeline import thumbnails
from valgap.diagnostics.pipeline.surveyed import Again, Survey
from valgap.ground.errors import SuiteError

LADDER = ((0, 1), (-1, 1), (-4, 4), (-16, 16), (0, 255), (-256, 256), (-4096, 4096), (-65536, 65536), (-1e9, 1e9))
OVERSHOOT = 0.1  # of a range by which bicubic resizing may leave it; such values are clipped
AGAIN = 500  # images of the second pass
PART = 1000  # images that are written again at once
GRIDS = {"1": (1.0, 0.0), "127.5": (127.5, 127.5), "255": (255.0, 0.0)}  # scale and shift to whole numbers
OFF = 2e-3  # of a level: how far float32 may be from a whole number
SPARED = 64  # images a batch whose grid is looked at, at most

Pixels = NDArray[np.float32]


class Levels:
    """Writes images to a file as uint8 levels of a range that grows when it must."""

    def __init__(self, path: Path) -> None:
        self.path, self.shape, self.count, self.step = path, (0, 0, 0), 0, 0
        self.least, self.largest = np.inf, -np.inf
        self.file = path.open("wb+")

    @property
    def range(self) -> tuple[float, float]:
        """The values of the lowest and the highest level."""
        return LADDER[self.step]

    def add(self, images: Pixels) -> None:
        """Append images, in a range that holds all of their finite values."""
        if self.count == 0:
            self.shape = images.shape[1:]
        values = images[np.isfinite(images)]
        if values.size:
            self._widen(float(values.min()), float(values.max()))
        self.file.write(self.quantised(images).tobytes())
        self.count += len(images)

    def quantised(self, images: Pixels) -> NDArray[np.uint8]:
        """The levels of images; 0 for what is not finite."""
        low, high = self.range
        scaled = np.nan_to_num((images - low) * (255 / (high - low)), nan=0.0, posinf=255.0, neginf=0.0)
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)

    def finish(self) -> NDArray[np.uint8]:
        """All that was written, (n, h, w, c), as a memory map; the file must be closed."""
        return np.memmap(self.path, np.uint8, "r", shape=(self.count, *self.shape))

    def _widen(self, least: float, largest: float) -> None:
        self.least, self.largest = min(self.least, least), max(self.largest, largest)
        fitting = (place for place in range(self.step, len(LADDER)) if self._fits(*LADDER[place]))
        step = next(fitting, len(LADDER) - 1)
        if step != self.step and self.count:
            self._rewrite(*self.range, step)
        self.step = step

    def _fits(self, low: float, high: float) -> bool:
        spare = OVERSHOOT * (high - low)
        return low - spare <= self.least and self.largest <= high + spare

    def _rewrite(self, low: float, high: float, step: int) -> None:
        self.file.flush()
        self.step = step
        written = np.memmap(self.path, np.uint8, "r+", shape=(self.count, *self.shape))
        for start in range(0, self.count, PART):
            values = low + written[start : start + PART].astype(np.float32) * ((high - low) / 255)
            written[start : start + PART] = self.quantised(values)
        written.flush()
        self.file.seek(0, 2)


def survey(feed: Feed, of_batch: Callable[[Pixels], Pixels] | None, folder: Path) -> Survey:
    """Look at every image of a feed once, and at the first of them a second time.

    `of_batch` takes float32 images (b, h, w, c) and gives the model's outputs (b, k); None for no outputs. Pixels are
    written below `folder`, where they must stay while the survey is used. Raises SuiteError on a feed without images.
    """
    levels = Levels(folder / f"{feed.name}-{id(feed)}.u8")
    rows = _Rows()
    title, hidden = f"{feed.name}: images", not sys.stderr.isatty()
    with levels.file, closing(iter(feed)) as batches, tqdm(desc=title, unit="image", disable=hidden, delay=2) as bar:
        for images, labels in batches:
            rows.batches.append(len(images))
            if len(images):
                levels.add(images)
                rows.add(images, labels, of_batch)
                bar.update(len(images))
    if not levels.count:
        raise SuiteError(f"{feed.name} gives no image; look at what fills it")
    again = _second(feed, levels) if feed.repeatable else None
    feed.restore()
    low, high = levels.range
    return Survey(
        feed.name,
        feed.kind,
        feed.class_names,
        feed.raw_dtype,
        feed.width,
        feed.limited,
        levels.finish(),
        low,
        high,
        np.concatenate(rows.thumbs),
        np.concatenate(rows.labels),
        np.concatenate(rows.outputs) if rows.outputs else None,
        np.concatenate(rows.digests),
        np.concatenate(rows.lows),
        np.concatenate(rows.highs),
        np.concatenate(rows.finite),
        *rows.moments(),
        np.array(rows.batches, np.int64),
        next((name for name in GRIDS if name in rows.grids), None),
        again,
    )


class _Rows:
    """What is gathered image by image, and sums over all."""

    def __init__(self) -> None:
        self.labels: list[NDArray[np.int64]] = []
        self.outputs: list[Pixels] = []
        self.digests: list[NDArray[np.uint64]] = []
        self.thumbs: list[Pixels] = []
        self.lows: list[Pixels] = []
        self.highs: list[Pixels] = []
        self.finite: list[NDArray[np.bool_]] = []
        self.batches: list[int] = []
        self.grids = set(GRIDS)
        self._sums: list[NDArray[np.float64]] = []

    def add(self, images: Pixels, labels: NDArray[np.int64], of_batch: Callable[[Pixels], Pixels] | None) -> None:
        self.labels.append(labels)
        self.digests.append(digests(images))
        self.thumbs.append(thumbnails.grey(images))
        flat = images.reshape(len(images), -1)
        known = np.isfinite(flat)
        self.finite.append(np.asarray(known.all(axis=1)))
        empty = ~known.any(axis=1)
        self.lows.append(np.where(empty, np.nan, np.where(known, flat, np.inf).min(axis=1)).astype(np.float32))
        self.highs.append(np.where(empty, np.nan, np.where(known, flat, -np.inf).max(axis=1)).astype(np.float32))
        by_channel = images.reshape(-1, images.shape[3]).astype(np.float64)
        finite = np.isfinite(by_channel)
        by_channel = np.where(finite, by_channel, 0.0)
        self._sums.append(np.stack([finite.sum(axis=0), by_channel.sum(axis=0), (by_channel**2).sum(axis=0)]))
        some = flat[:SPARED][known[:SPARED]]
        for name in tuple(self.grids):
            scale, shift = GRIDS[name]
            whole = some.astype(np.float64) * scale + shift
            if some.size and np.abs(whole - np.rint(whole)).max() > OFF:
                self.grids.discard(name)
        if of_batch is not None:
            self.outputs.append(np.asarray(of_batch(images), np.float32))

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        count, total, squares = np.sum(self._sums, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = total / count
            return means, np.sqrt(np.maximum(squares / count - means**2, 0.0))


def digests(images: Pixels) -> NDArray[np.uint64]:
    """A number (b,) for each image that tells it from any other, to the last bit."""
    found = [hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images]
    return np.frombuffer(b"".join(found), np.uint64)


def _second(feed: Feed, levels: Levels) -> Again | None:
    """The first images of another pass; None where it gives none."""
    found: list[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint8]]] = []
    count = 0
    with closing(iter(feed)) as batches:
        for images, labels in batches:
            if len(images):
                found.append((digests(images), labels, levels.quantised(images)))
                count += len(images)
            if count >= AGAIN:
                break
    return Again(*(np.concatenate(part) for part in zip(*found, strict=True))) if found else None

"""Reads many image files in worker processes, or threads; writes their pixels in order to one .npy file.

Rows have the order of the paths, so the same files give the same bytes on any number of cores.
"""

import collections
import dataclasses
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from valgap.data.reading.decode import Reading, read, read_size
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.journal import Journal
from valgap.data.reading.rows import CHUNK_BYTES, Rows
from valgap.ground.errors import SuiteError
from valgap.ground.host import usable_cores
from valgap.ground.lifetime import die_with_parent

T = TypeVar("T")
MAX_READERS = 8  # processes: more would wait for the one that writes
ALONE = 64  # so many images are read in this process: starting another takes longer
LINE_SECONDS = 10  # between two lines in a log


def read_images(
    paths: Sequence[Path],
    decoding: Decoding,
    target: Path,
    workers: int | None = None,
    threads: bool = False,
    resumed: bool = False,
) -> tuple[NDArray[np.uint8], list[Reading]]:
    """(n, h, w, c) memory map of `target`, with a row for each file that can be read; a Reading of every file.

    The readings hold no pixels; those with a `why` have no row. `workers` is one a core, up to 8, unless told; with
    `threads` no process is started, and the bytes are the same. `resumed` goes on where a killed run was, whose
    journal lies beside `target`. Raises SuiteError where no file can be read, or without `decoding.size` sizes differ,
    before anything is decoded.
    """
    with _Readers(len(paths), workers, threads) as readers:
        size = decoding.size or _only_size(readers, paths, decoding)
        chunk = max(min(CHUNK_BYTES // (3 * size[0] * size[1]), ALONE), 1)
        with Rows(target, kept=resumed) as rows:
            journal = Journal(target, paths, decoding, rows) if resumed else None
            readings = list(journal.readings) if journal else []
            if readings:
                print(f"{len(readings):,} of {len(paths):,} images were read by a run that was ended: they are kept")
            rows.reserve(len(paths) - len(readings), (*size, 3 if decoding.color == "rgb" else 1))
            waiting = readers.each(read, paths[len(readings) :], decoding, chunk)
            for reading in _shown(waiting, len(paths) - len(readings), "reading images"):
                if reading.pixels is not None and reading.pixels.shape[:2] != size:  # its EXIF data came too late
                    reading = Reading(reading.sha256, f"{_times(reading.size)} pixels, unlike the others")
                if reading.pixels is not None:
                    if journal and rows.widened_by(reading.pixels):
                        journal.restart()
                    rows.append(reading.pixels[np.newaxis])
                readings.append(dataclasses.replace(reading, pixels=None))
                if journal:
                    journal.add(readings[-1])
            if journal:
                journal.write()
            if not rows.count:
                some = "; ".join(f"{path.name!r}: {one.why}" for path, one in zip(paths[:20], readings, strict=False))
                raise SuiteError(f"none of {len(paths):,} files is an image that can be read: {some}")
            return rows.finish(), readings


def read_sizes(paths: Sequence[Path], decoding: Decoding, workers: int | None = None) -> list[tuple[int, int] | None]:
    """(width, height) of each file by its header, as `decoding` turns it; None where that cannot be read."""
    with _Readers(len(paths), workers, threads=True) as readers:
        return list(_shown(readers.each(read_size, paths, decoding, ALONE), len(paths), "reading sizes"))


def _only_size(readers: "_Readers", paths: Sequence[Path], decoding: Decoding) -> tuple[int, int]:
    """(height, width) of all images, by their headers. Raises SuiteError when they differ."""
    sizes = list(_shown(readers.each(read_size, paths, decoding, ALONE), len(paths), "reading sizes"))
    examples = {size: path.name for size, path in zip(reversed(sizes), reversed(paths), strict=True) if size}
    refuse_sizes(counts := collections.Counter(filter(None, sizes)), examples)
    return next(iter(counts), (1, 1))[::-1]


def refuse_sizes(counts: collections.Counter[tuple[int, int]], examples: Mapping[tuple[int, int], str]) -> None:
    """Raise SuiteError when images have several sizes, (width, height), with an example of each."""
    if len(counts) > 1:
        common = counts.most_common(5)
        named = ", ".join(f"{_times(size)} ({count:,}, such as {examples[size]!r})" for size, count in common)
        (width, height), _ = common[0]
        raise SuiteError(
            key="data.image_size",
            value="null",
            why=f"images have {len(counts):,} sizes, the commonest, width x height: {named}",
            cure=f"set data.image_size: [{height}, {width}], or another [height, width], and data.resize",
        )


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def facts(
    sizes: Mapping[tuple[int, int], int], modes: Mapping[str, int], formats: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """What `Images.facts` holds, from counts of the originals' (width, height), modes, formats: 20 commonest each."""
    counts = {}
    named = {_times(size): count for size, count in sizes.items()}
    for name, found in (("sizes", named), ("modes", modes), ("formats", formats)):
        common = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        counts[name] = dict(common[:20])
        if rest := sum(count for _, count in common[20:]):
            counts[name]["other"] = rest
    return counts


class _Readers:
    """Context manager of the worker processes, which die with this one, or threads; for few images there are none.

    What Pillow warns of inside is not shown: readings say why.
    """

    def __init__(self, images: int, workers: int | None, threads: bool = False) -> None:
        self.workers = min(workers or min(usable_cores(), MAX_READERS), -(-images // ALONE))
        self.warnings = warnings.catch_warnings(action="ignore")  # here, for threads share their filters
        self.pool: Executor | None = None
        if self.workers > 1 and threads:
            self.pool = ThreadPoolExecutor(self.workers)
        elif self.workers > 1:
            spawn = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(self.workers, spawn, initializer=_start_reader, initargs=(os.getpid(),))

    def __enter__(self) -> Self:
        self.warnings.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
        self.warnings.__exit__(None, None, None)

    def each(
        self, work: Callable[[Path, Decoding], T], paths: Sequence[Path], decoding: Decoding, chunk: int
    ) -> Iterator[T]:
        """`work(path, decoding)` of every path, in order; few chunks wait at a time, so memory stays small."""
        if self.pool is None:
            yield from (work(path, decoding) for path in paths)
            return
        waiting: collections.deque[Future[list[T]]] = collections.deque()
        try:
            for first in range(0, len(paths), chunk):
                waiting.append(self.pool.submit(_read_chunk, work, paths[first : first + chunk], decoding))
                if len(waiting) > 2 * self.workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool:
            raise SuiteError(
                "a process that reads images was killed, perhaps for want of memory: run again, on more memory"
            ) from None


def _start_reader(parent: int) -> None:
    die_with_parent(parent)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, for all


def _read_chunk(work: Callable[[Path, Decoding], T], paths: Sequence[Path], decoding: Decoding) -> list[T]:
    return [work(path, decoding) for path in paths]


def _shown(items: Iterator[T], total: int, title: str) -> Iterator[T]:
    """Pass the items on, and show how many have passed: a bar on a terminal, now and then a line in a log."""
    start = shown = time.monotonic()
    with tqdm(total=total, desc=title, unit="image", disable=not sys.stderr.isatty()) as bar:
        for done, item in enumerate(items, 1):
            yield item
            bar.update()
            now = time.monotonic()
            if bar.disable and (now - shown >= LINE_SECONDS or (done == total and now - start >= LINE_SECONDS)):
                shown, left = now, (now - start) / done * (total - done)
                print(f"{title}: {done:,}/{total:,}, {now - start:.0f} s, about {left:.0f} s left", flush=True)

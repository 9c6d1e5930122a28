"""Training on photos that are on disk, beside the same from memory: `python -m benchmarks.photos_on_disk [images]`.

Writes so many random photos of 224 x 224 in colour (50,000: 7.5 GB) below a scratch folder, and lets a process a core
train a network of three convolutions: from that file, whose pages the system has forgotten, and from a part of it in
memory, in turns. Then each process runs a whole replicate of one epoch. Prints what it found.
"""

import dataclasses
import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import arena, figures
from benchmarks.child import Work, serve
from benchmarks.contestants import Group
from benchmarks.images import BATCH, CLASSES
from benchmarks.machine import load
from benchmarks.networks import NETWORKS
from valgap.ground import host
from valgap.ground.errors import SuiteError, run_program

SHAPE = (224, 224, 3)
IMAGES, FEWEST = 50_000, 2_000
HELD = 1_000  # images in memory
SCORED = 1_000  # images of each of the splits on which a replicate is scored
STEPS, ROUNDS = 30, 5  # of a turn; measured turns of either
DRAWN = 500  # images written at once
EPOCH = "epoch"


def start(file: Path) -> tuple[Mapping[str, Work], dict[str, Any]]:
    """Training of so many steps from `disk` and from `memory`, and a replicate of one `epoch`."""
    from valgap.training.tensorflow import start_tensorflow

    start_tensorflow("cpu")
    from benchmarks import turns
    from benchmarks.settings import STREAMS, model_of, recipe_of
    from valgap.training.examples import Examples, Feed
    from valgap.training.machine import Machine, machine_of
    from valgap.training.recipe import Recipe
    from valgap.training.replicate import train_replicate

    asked = dataclasses.replace(NETWORKS["photos"], shape=SHAPE)
    images, settings = np.load(file, mmap_mode="r"), recipe_of(asked)
    labels, every = np.arange(len(images)) % CLASSES, np.random.default_rng(0).permutation(len(images))
    val, test, train = every[:SCORED], every[SCORED : 2 * SCORED], every[2 * SCORED :]

    def on_disk(rows: NDArray[np.int64]) -> Examples:
        return Examples(images, labels[rows], rows)

    @functools.cache
    def machine() -> Machine:
        return machine_of.__wrapped__(SHAPE, CLASSES, model_of(asked), settings)

    @functools.cache
    def feed(place: str) -> tuple[Feed, NDArray[np.int64]]:
        rows = train if place == "disk" else train[:HELD]
        found = on_disk(rows) if place == "disk" else Examples(images[rows], labels[rows])
        return Feed(found, CLASSES), labels[rows]

    def epoch(count: int) -> float:
        once = dataclasses.replace(settings, steps=count * len(train) // BATCH)
        splits = {"train": on_disk(train), "val": on_disk(val), "test": on_disk(test)}
        train_replicate(Recipe(model_of(asked), once, once, STREAMS), 0, splits, CLASSES)
        return float(once.steps * BATCH)

    return {
        "disk": lambda steps: turns.trained(machine(), settings, *feed("disk"), steps, os.getpid()),
        "memory": lambda steps: turns.trained(machine(), settings, *feed("memory"), steps, os.getpid()),
        EPOCH: epoch,
    }, {}


def write_photos(file: Path, count: int) -> None:
    """Random pixels, uint8 (count, *SHAPE)."""
    rng = np.random.default_rng(0)
    found = np.lib.format.open_memmap(file, "w+", np.uint8, (count, *SHAPE))
    for first in range(0, count, DRAWN):
        found[first : first + DRAWN] = rng.integers(0, 256, (min(DRAWN, count - first), *SHAPE), dtype=np.uint8)
    found.flush()


def forget(file: Path) -> None:
    """Have the system drop what it keeps of the file in memory, where it can be asked to."""
    if hasattr(os, "posix_fadvise"):
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def measure(file: Path, count: int) -> Iterator[str]:
    """What is found, a line at a time."""
    write_photos(file, count)
    words = (sys.executable, "-m", "benchmarks.photos_on_disk", "--child", str(file))
    workers = Group(words, host.usable_cores(), "1")
    yield f"{count:,} photos of {SHAPE}, {file.stat().st_size / 1e9:.1f} GB; load average before: {load()[0]:.2f}"
    places = ("disk", "memory")
    with arena.started(dict.fromkeys(places, workers)) as children:
        rates: dict[str, list[float]] = {place: [] for place in places}
        for number in range(-1, ROUNDS):  # the first turns warm up
            for place in places[:: 1 if number % 2 else -1]:
                forget(file)
                amounts, seconds = arena.train(children[place], place, STEPS)
                rates[place].append(sum(amounts) / seconds)
    disk, memory = (rates[place][1:] for place in places)
    ratio = figures.ratios(disk, memory)
    yield (
        f"from disk {figures.spread(disk).median:.1f} images/s over {workers.processes} processes: {ratio.median:.3f} "
        f"({ratio.lowest:.3f} to {ratio.highest:.3f}) of the rate from memory, n={ratio.n} turns of {STEPS} steps each"
    )
    with arena.started({EPOCH: workers}) as children:
        forget(file)
        amounts, seconds = arena.train(children[EPOCH], EPOCH, 1)
        peak = arena.memory(children[EPOCH]).get("peak", float("nan"))
        yield (
            f"a replicate of one epoch in each process: {sum(amounts) / seconds:.1f} images/s, scoring among the "
            f"{seconds / 60:.1f} minutes; {peak * 1e6 / 2**30:.2f} GiB resident at the peak, on average over processes"
        )


def main() -> None:
    """Measure with so many images as the command line says."""
    words = sys.argv[1:]
    if words[:1] == ["--child"]:
        serve(lambda: start(Path(words[1])))
        return
    named = words[0] if words else str(IMAGES)
    if len(words) > 1 or not (named.isascii() and named.isdecimal() and int(named) >= FEWEST):
        raise SuiteError(f"usage: python -m benchmarks.photos_on_disk [images, at least {FEWEST:,}]: got {words}")
    with tempfile.TemporaryDirectory(prefix="photos-") as scratch:
        for line in measure(Path(scratch) / "photos.npy", int(named)):
            print(line, flush=True)


if __name__ == "__main__":
    run_program(main)

"""Which arms, how many replicates, how long, at what image size: the most that a budget covers. Pure functions.

A plan is tried level by level, the best first. What is given up, in this order: arms that add to a cause that has one;
replicates beyond 6; image size, of the suite's own network; a third of the epochs; training images of a large set; all
arms but four; replicates from 6 to 4; then more of the image size, the epochs, the images, the arms and the replicates,
down to a baseline and one arm. On each level arms are taken in the order of their use, as many as fit, the first of
each cause before any second.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from valgap.costs.estimate import Timings, cell_seconds, once_seconds, run_seconds
from valgap.data.sizes import Sizes
from valgap.ground.params.experiment import Train
from valgap.init.arms import Arm, first_of_each
from valgap.init.sizing import Size, steps_of

EPOCHS = (30, 20, 10)  # passes over the training images, the best first
MANY_IMAGES = 4000  # to train on: a larger set is halved down to so many before arms are given up
FEWEST_IMAGES = 1000  # and down to so many after
SOME = 4  # arms that are wanted where not all causes can have one
BLOCK = 6  # replicates of a block, at most


@dataclasses.dataclass(frozen=True)
class Option:
    """An arm that the network answers to; `ratio` is what a step and a scored image take over the baseline's."""

    arm: Arm
    ratio: float


@dataclasses.dataclass(frozen=True)
class Scale:
    """An image size (None is as they are) and what the baseline's training costs at it."""

    size: Size | None
    timings: Timings


@dataclasses.dataclass(frozen=True)
class Problem:
    """What there is to choose from, the best first.

    `options` are in the order of use, `replicates` numbers of them; `sizes` are with all training images; of `scales`
    the first `willing` may be gone through before anything else is given up but second arms. `divisible` says whether a
    part of the images may be trained on. `workers` train at once; a file has room for `most` arms.
    """

    options: tuple[Option, ...]
    scales: tuple[Scale, ...]
    replicates: tuple[int, ...]
    sizes: Sizes
    baseline: Train
    willing: int
    divisible: bool
    workers: int
    most: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is trained; `train` images of a subset, None for all of them; `seconds` on this machine."""

    options: tuple[Option, ...]
    scale: Scale
    epochs: int
    steps: int
    replicates: int
    train: int | None
    seconds: float

    @property
    def block_size(self) -> int:
        """Replicates of a block."""
        return block_size(self.replicates)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Numbers of the blocks."""
        return tuple(range(self.replicates // self.block_size))


@dataclasses.dataclass(frozen=True)
class Level:
    """One try: a place in the scales, the epochs, the replicates, the images, and how many arms it must have."""

    scale: int
    epochs: int
    replicates: int
    train: int | None
    needs: int


def block_size(replicates: int) -> int:
    """Replicates of each of the fewest equal blocks of BLOCK at most."""
    return next(size for size in range(min(BLOCK, replicates), 0, -1) if replicates % size == 0)


def fit(problem: Problem, budget: float) -> Plan | None:
    """The first plan of `levels` that `budget` seconds cover; None where they cover none."""
    for level in levels(problem):
        plan = _taken(problem, level, budget)
        if plan is not None:
            return plan
    return None


def smallest(problem: Problem) -> float:
    """Seconds of the plan that costs least, a baseline and one arm: the shortest budget that `fit` has a plan for."""
    (*_, last) = levels(problem)
    return _seconds(problem, last) + sum(_seconds(problem, last, option) for option in _needed(problem, last))


def levels(problem: Problem) -> Iterator[Level]:
    """Levels of a plan, the best first."""
    core = len(first_of_each([option.arm for option in problem.options]))
    first, *fewer = problem.replicates
    level = Level(0, EPOCHS[0], first, None, problem.most)
    yield level
    yield (level := dataclasses.replace(level, needs=min(core, problem.most)))
    for count in fewer[:1]:
        yield (level := dataclasses.replace(level, replicates=count))
    for scale in range(1, min(problem.willing, len(problem.scales))):
        yield (level := dataclasses.replace(level, scale=scale))
    yield (level := dataclasses.replace(level, epochs=EPOCHS[1]))
    for images in _halvings(problem, level, MANY_IMAGES):
        yield (level := dataclasses.replace(level, train=images))
    yield (level := dataclasses.replace(level, needs=min(SOME, core)))
    for scale in range(level.scale, len(problem.scales)):
        for count in fewer[:2]:
            yield (level := dataclasses.replace(level, scale=scale, replicates=count))
    yield (level := dataclasses.replace(level, epochs=EPOCHS[2]))
    for images in _halvings(problem, level, FEWEST_IMAGES):
        yield (level := dataclasses.replace(level, train=images))
    yield (level := dataclasses.replace(level, needs=min(1, core)))
    yield dataclasses.replace(level, replicates=problem.replicates[-1])


def _halvings(problem: Problem, level: Level, fewest: int) -> Iterator[int]:
    images = (level.train or problem.sizes.train) // 2
    while problem.divisible and images >= fewest:
        yield images
        images //= 2


def _taken(problem: Problem, level: Level, budget: float) -> Plan | None:
    """The level's plan: the arms that it needs, then, in the order of their use, any that still fit.

    None where those that it needs do not fit: cheap arms take no place of a dear one of more use.
    """
    taken = _needed(problem, level)
    seconds = _seconds(problem, level) + sum(_seconds(problem, level, option) for option in taken)
    if seconds > budget:
        return None
    for option in _fitting(problem.options, level)[len(taken) :]:
        more = seconds + _seconds(problem, level, option)
        if more <= budget and len(taken) < problem.most:
            taken, seconds = [*taken, option], more
    steps = steps_of(level.epochs, level.train or problem.sizes.train, problem.baseline.batch_size)
    return Plan(tuple(taken), problem.scales[level.scale], level.epochs, steps, level.replicates, level.train, seconds)


def _needed(problem: Problem, level: Level) -> list[Option]:
    """As many options as the level needs, those of most use."""
    return _fitting(problem.options, level)[: level.needs]


def _fitting(options: Sequence[Option], level: Level) -> list[Option]:
    """The options, the first of each cause first; of more images only where not all are trained on, else of fewer."""
    out = "double_data" if level.train is None else "half_data"
    kept = [option for option in options if option.arm.name != out]
    first = first_of_each([option.arm for option in kept])
    return sorted(kept, key=lambda option: option.arm not in first)


def _seconds(problem: Problem, level: Level, option: Option | None = None) -> float:
    """Seconds of all cells of an option; of the baseline, and of a frozen part's outputs, for None."""
    scale, train = problem.scales[level.scale], level.train or problem.sizes.train
    steps = steps_of(level.epochs, train, problem.baseline.batch_size)
    sizes = dataclasses.replace(problem.sizes, train=train)
    times, factor, ratio, once = 1.0, 1.0, 1.0, 0.0
    if option is None:
        once = once_seconds(sizes, scale.timings, problem.workers)
    else:
        times, factor, ratio = option.arm.times, option.arm.diff.get("train_size_factor", 1.0), option.ratio
    settings = dataclasses.replace(problem.baseline, steps=round(times * steps), train_size_factor=factor)
    run = run_seconds(settings, problem.baseline, sizes, scale.timings, ratio)
    size = block_size(level.replicates)
    return once + level.replicates // size * cell_seconds(run, size, problem.workers, scale.timings.cell)

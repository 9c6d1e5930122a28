"""Worker processes that build the network: what the baseline costs here, and which arms it answers to.

TensorFlow is imported in the workers alone. Nothing is kept of what they train for a few steps.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.compute import pool
from valgap.compute.placement import Placement
from valgap.costs.estimate import Timings, mean_of
from valgap.costs.probe import keeps_outputs, timed
from valgap.ground import streams
from valgap.ground.errors import SuiteError, Term
from valgap.ground.params.experiment import Model, Train
from valgap.ground.params.split import Split
from valgap.training.recipe import Streams

SECONDS = 5.0  # that the timed steps may take, about
MOST_STEPS, FEWEST_STEPS = 30, 2  # of them
OPERATIONS = 3e10  # floating-point operations a second of one core, about: what the number of steps is planned by
PASSES = 3  # a training step's operations over those of a forward pass
SCORED = 256  # images of a split that are scored, at most
TERMS = {"model.builder": Term("--model"), "model.files": Term("--files"), "model.weights": Term("--weights")}

Shape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Request:
    """What workers are asked: the network, the baseline, its image shapes (the best first), and arms by name.

    `images` is the .npy file of images at the first shape, `labels` are theirs; `grey` reads one channel of them.
    """

    model: Model
    baseline: Train
    shapes: tuple[Shape, ...]
    classes: int
    arms: Mapping[str, Train]
    images: Path
    labels: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Network:
    """What was found.

    `timings` are at the first shape; `operations` of an image's forward pass by shape, None where the network cannot
    be built for it; `parameters` at the first. `ratios` are what the arms that bite take over what the baseline does,
    by operations, and by the clock where one of both keeps a frozen part's outputs; `refused` says of the others why.
    """

    timings: Timings
    operations: tuple[int | None, ...]
    parameters: int
    ratios: Mapping[str, float]
    refused: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Part:
    """What one worker tells; all but the first time alone."""

    timings: Timings
    network: Network | None


def ask(request: Request, placement: Placement) -> Network:
    """Build, try and time the network, in as many processes at once as train. Raises SuiteError in init's words."""
    jobs = [(request, worker == 0) for worker in range(len(placement.slots))]
    try:
        parts = list(pool.run_jobs(work, jobs, placement))
    except SuiteError as error:
        raise error.named(TERMS) from None
    network = next(part.network for part in parts if part.network)
    return dataclasses.replace(network, timings=mean_of([part.timings for part in parts]))


def work(request: Request, first: bool) -> _Part:
    """A worker's part of `ask`."""
    shape = request.shapes[0]
    operations, parameters = _operations(request, shape)
    images = np.load(request.images, mmap_mode="r")[: SCORED * 4, ..., : shape[2]]
    labels = request.labels[: len(images)]
    rows = np.random.default_rng(0).permutation(len(images))
    part = (np.asarray(images[rows[:SCORED]]), labels[rows[:SCORED]])
    steps = timed_steps(operations, request.baseline.batch_size)

    def seconds(settings: Train) -> Timings:
        drawn = Streams(Split().seed, tuple(streams.training_numbers().items()))
        return timed(request.model, settings, drawn, {"train": part, "val": part, "test": part}, steps)

    found = seconds(request.baseline)
    if not first:
        return _Part(found, None)
    others = tuple(_operations_or_none(request, each) for each in request.shapes[1:])
    ratios, refused = _bites(request, operations)
    ratios |= _by_the_clock(request, list(ratios), found, seconds)
    return _Part(found, Network(found, (operations, *others), parameters, ratios, refused))


def _by_the_clock(
    request: Request, arms: Sequence[str], baseline: Timings, seconds: Callable[[Train], Timings]
) -> dict[str, float]:
    """Ratios of the arms that keep a frozen part's outputs where the baseline does not, or the other way round.

    The first of them is timed, for operations tell nothing of it.
    """

    def keeps(settings: Train) -> bool:
        return keeps_outputs(request.shapes[0], request.classes, request.model, settings)

    of_baseline = keeps(request.baseline)
    others = [name for name in arms if keeps(request.arms[name]) != of_baseline]
    if not others:
        return {}
    return dict.fromkeys(others, seconds(request.arms[others[0]]).step / baseline.step)


def timed_steps(operations: int, batch: int) -> int:
    """Steps that take about SECONDS, for a network of so many forward operations an image."""
    of_step = PASSES * operations * batch / OPERATIONS
    return int(np.clip(SECONDS / of_step, FEWEST_STEPS, MOST_STEPS)) if of_step else MOST_STEPS


def _operations(request: Request, shape: Shape, settings: Train | None = None) -> tuple[int, int]:
    """(operations of one image's forward pass, parameters). Raises SuiteError where it cannot be built."""
    from valgap.training.network.builders import build_network, knobs_of
    from valgap.training.network.structure import forward_flops

    knobs = knobs_of(request.model, settings or request.baseline)
    network = build_network(shape, request.classes, request.model, knobs)
    return forward_flops(network, shape), int(network.count_params())


def _operations_or_none(request: Request, shape: Shape) -> int | None:
    try:
        return _operations(request, shape)[0]
    except SuiteError:
        return None


def _bites(request: Request, operations: int) -> tuple[dict[str, float], dict[str, str]]:
    """(operations over the baseline's of each arm that bites, why the others do not).

    Raises SuiteError where the baseline's network breaks the contract.
    """
    from valgap.models.bites import Networks

    shape = request.shapes[0]
    networks = Networks(shape, request.classes, request.model)
    networks.describe(request.baseline)
    ratios, refused = {}, {}
    for name, settings in request.arms.items():
        if why := networks.refused(settings, request.baseline):
            refused[name] = "; ".join(why)
        else:
            alike = (settings.width, settings.head, settings.batch_norm) == (
                request.baseline.width,
                request.baseline.head,
                request.baseline.batch_norm,
            )
            ratios[name] = 1.0 if alike else _operations(request, shape, settings)[0] / max(operations, 1)
    return ratios, refused

"""From a folder and a builder to the text of params.yaml and the plan: one step after the other."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from valgap.compute.placement import place
from valgap.costs import estimate
from valgap.costs.estimate import ASSUMED_SD, Timings
from valgap.costs.overview import DEFAULT, minutes, overview
from valgap.costs.timings import Costs
from valgap.data.sizes import Sizes
from valgap.ground.errors import SuiteError
from valgap.ground.host import usable_cores
from valgap.ground.params import suite
from valgap.ground.params.experiment import Compute, Train, settings_as_dict, variant_settings
from valgap.ground.params.questions import FILL_IN, questions
from valgap.ground.terminal import safe
from valgap.init import drafting, fitting, sizing, writing
from valgap.init.arms import Arm, Facts, menu
from valgap.init.builder import Builder, builder_of
from valgap.init.networks import Network, Request, ask
from valgap.init.photos import Photos, photos
from valgap.init.place import place_of

SPARE = 0.85  # of the budget that is planned for: what was measured in seconds is off by some
REPLICATES, OF_FOLDS = (12, 6, 4, 2), (10, 5)
TRIED = 100  # steps of a baseline that is timed for fewer, and of whose length nothing depends
OWN_LEAST = 64  # pixels of a side, down to which images for the suite's own network shrink before much else is given up


@dataclasses.dataclass(frozen=True)
class Made:
    """What init made: the file's text, what it says on the way, and the keys that are questions."""

    text: str
    said: tuple[str, ...]
    questions: tuple[str, ...]


def experiment(
    data: str, model: str, weights: str | None, files: str | None, budget: float, command: str, folder: Path
) -> Made:
    """The experiment for images at `data` and a builder, within `budget` seconds of training on this machine.

    `folder` is an empty one for what is decoded. Raises SuiteError on images, a builder or a budget that give none.
    """
    builder = builder_of(model, weights, files)
    print(safe(f"looking at {data}"), flush=True)
    found = photos(place_of(data), sizing.OWN_NETWORK if builder.own else sizing.A_USERS, folder / "images.npy")
    replicates = OF_FOLDS if sizing.split_for(found.found, 1).kfold else REPLICATES
    drawn = sizing.split_for(found.found, replicates[0])
    baseline = _baseline(sizing.batch_size(drawn.sizes.train))
    arms = menu(_facts(found, drawn, builder))
    print("trying the network and timing it: about half a minute", flush=True)
    load = os.getloadavg()[0]
    network = _asked(found, builder, arms, baseline, folder / "images.npy")
    problem = _problem(found, builder, drawn, arms, network, baseline)

    def chosen(plan: fitting.Plan) -> drafting.Chosen:
        return drafting.Chosen(command, found, builder, drawn, plan, baseline.batch_size)

    everything = fitting.Plan(problem.options, problem.scales[-1], 1, 1, 1, None, 0.0)
    problem = dataclasses.replace(problem, most=writing.room_for_arms(drafting.draft(chosen(everything))))
    plan = fitting.fit(problem, SPARE * budget)
    if plan is None:
        least = fitting.smallest(problem) / SPARE
        raise SuiteError(
            f"--budget = {budget / 60:.3g} minutes: the least that shows anything, the baseline and one variant, takes "
            f"about {minutes(least)} minutes on this machine; allow more, or give smaller images or a smaller network"
        )
    text = drafting.draft(chosen(plan)).text
    params = checked(text, folder)
    sizing.drawn(found.found, params.split)
    said = (*found.layout.said, *_limits(found, load), *drafting.left_out(arms, plan, [*network.refused]))
    lines = (
        *(f"- {sentence}" for sentence in said),
        "",
        *_overview(params, plan, network, problem, _pixels(found, plan)),
    )
    return Made(text, lines, tuple(f"line {each.line}, {each.key}" for each in questions(text)))


def _limits(found: Photos, load: float) -> list[str]:
    """Sentences on what was not looked at, and on a machine that had other work of `load` processes."""
    said = []
    if not found.whole:
        said.append(f"{len(found.images.labels):,} of {found.count:,} images were opened: `valgap repro` opens all.")
    if load > (cores := usable_cores()) / 2:
        said.append(
            f"The machine was busy while it was timed (load {load:.1f} on {cores} cores): left alone, it trains more."
        )
    return said


def checked(text: str, folder: Path) -> suite.Suite:
    """The file as the stages will read it, its questions answered by null. Raises SuiteError as `load` does."""
    path = folder / "params.yaml"
    path.write_text(text.replace(FILL_IN, "null"), encoding="utf-8")
    return suite.load(path)


def _facts(found: Photos, drawn: sizing.Drawn, builder: Builder) -> Facts:
    labels = found.found.labels[found.found.train]
    counts = np.bincount(labels)
    return Facts(
        transforms=drafting.SAFE,
        suspects=found.doubted,
        imbalance=sizing.imbalance(labels.tolist()),
        smallest=int(counts.min() * drawn.sizes.train / len(labels)),
        resplit=drawn.sizes.resplit is not None,
        kfold=drawn.kfold,
        pretrained=builder.pretrained,
        learning_rate=drafting.LEARNING_RATE,
    )


def _baseline(batch: int) -> Train:
    """The baseline's settings; of its steps a number that any image set allows, for what is tried and timed."""
    raw = {"steps": TRIED, "batch_size": batch, "learning_rate": drafting.LEARNING_RATE, "schedule": "cosine"}
    raw |= {"curve_points": 10, "curve_train_images": 500}
    return variant_settings(raw, {"baseline": {}}, "baseline")


def _asked(found: Photos, builder: Builder, arms: Sequence[Arm], baseline: Train, images: Path) -> Network:
    raw = settings_as_dict(baseline)
    diffs = {arm.name: arm.variant(TRIED) for arm in arms}
    settings = {name: variant_settings(raw, diffs, name) for name in diffs}
    height, width = found.images.images.shape[1:3]
    channels = 1 if found.grey else 3
    shapes = tuple((*(size or (height, width)), channels) for size in found.scales)
    labels = found.images.labels
    request = Request(builder.tried, baseline, shapes, len(found.class_names), settings, images, labels)
    return ask(request, place(Compute()))


def _problem(
    found: Photos, builder: Builder, drawn: sizing.Drawn, arms: Sequence[Arm], network: Network, baseline: Train
) -> fitting.Problem:
    first = network.operations[0] or 1
    scales = tuple(
        fitting.Scale(size, scaled(network.timings, operations / first))
        for size, operations in zip(found.scales, network.operations, strict=True)
        if operations is not None
    )
    return fitting.Problem(
        options=tuple(fitting.Option(arm, network.ratios[arm.name]) for arm in arms if arm.name in network.ratios),
        scales=scales,
        replicates=OF_FOLDS if drawn.kfold else REPLICATES,
        sizes=drawn.sizes,
        baseline=baseline,
        willing=sum(each.size is None or min(each.size) >= OWN_LEAST for each in scales) if builder.own else 1,
        divisible=not drawn.kfold,
        workers=len(place(Compute()).slots),
        most=writing.LINES,
    )


def scaled(timings: Timings, ratio: float) -> Timings:
    """Timings of a network of `ratio` times the operations."""
    names = ("step", "image", "once", "anew")
    return dataclasses.replace(timings, **{name: getattr(timings, name) * ratio for name in names})


def _pixels(found: Photos, plan: fitting.Plan) -> int:
    """Bytes of all images at the plan's size."""
    height, width, channels = found.images.images.shape[1:]
    if plan.scale.size is not None:
        height, width = plan.scale.size
    return len(found.found.labels) * height * width * channels


def _overview(
    params: suite.Suite, plan: fitting.Plan, network: Network, problem: fitting.Problem, pixels: int
) -> list[str]:
    """The plan as `valgap plan` prints it, by what was measured now; `pixels` are bytes of all images."""
    sizes: Sizes = dataclasses.replace(problem.sizes, train=plan.train or problem.sizes.train)
    ratios = {option.arm.name: option.ratio for option in plan.options}
    timings, size = plan.scale.timings, params.split.block_size
    runs = {
        name: estimate.run_seconds(settings, params.train, sizes, timings, ratios.get(name, 1.0))
        for name, settings in params.variants.items()
    }
    cells = {name: estimate.cell_seconds(run, size, problem.workers, timings.cell) for name, run in runs.items()}
    cells[suite.BASELINE] += estimate.once_seconds(sizes, timings, problem.workers)
    megabytes = {
        name: estimate.cell_megabytes(settings, sizes, size, 10, network.parameters)
        for name, settings in params.variants.items()
    }
    device = place(Compute()).device
    costs = Costs(device, problem.workers, timings, runs, cells, megabytes, ())
    total = estimate.total(estimate.default_set(params), set(), size, cells, megabytes)
    return overview(params, costs, {DEFAULT: total}, pixels, (ASSUMED_SD, "assumed, until a report has measured it"))

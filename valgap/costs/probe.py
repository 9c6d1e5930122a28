"""A probe of this machine's speed: `python -m valgap.costs.probe`.

Reads params.yaml and data/prepared/, trains the baseline for a few steps in as many processes as a run
uses, counts every variant's operations, and writes .dvc/tmp/probe.json. TensorFlow lives in the processes.
"""

import dataclasses
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.compute import pool
from valgap.compute.placement import Placement, place
from valgap.costs import timings
from valgap.costs.estimate import Timings, mean_of
from valgap.data.prepared import load_images, load_labels, load_suite, read_manifest
from valgap.ground import host
from valgap.ground.errors import SuiteError, run_program
from valgap.ground.params.experiment import Model, Train
from valgap.ground.params.suite import Suite
from valgap.training.recipe import Recipe, Streams
from valgap.training.subset import load_splits

STEPS = (8, 30)  # timed optimizer steps, at least and at most, after as many that pay for tracing
STAGE_SECONDS = 1.2  # of a core, what a cell's stage takes besides training: DVC, the parameters' check, its imports
IMAGES = (64, 5000)  # of a split, at least and at most: enough to time predictions
LONG = 10.0  # seconds that steps, or a split's images, may take at the next rate, from the least on
# Floating-point operations a second of a core: MobileNetV2 of 224 x 224 has half of it, plain networks more.
RATE = 5e10
FEW = 64  # of a split, where a frozen part's outputs are kept: it runs through all of them, twice over

Models = dict[str, timings.Network]
Parts = Mapping[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]  # (n, h, w, c) images and (n,) labels, by split


def measure(model: Model, baseline: Train, block: int, steps: int, most: int) -> Timings:
    """Seconds of the baseline in this worker process, over so many steps and at most so many images of a split."""
    images, labels = load_images(), load_labels()
    splits = load_splits(block)
    index = {"train": splits.train[0][: splits.train_size], "val": splits.val[0], "test": splits.test[0]}
    parts = {name: (images[rows[:most]], labels[rows[:most]]) for name, rows in index.items()}
    return timed(model, baseline, splits.streams, parts, steps)


def extent(network: timings.Network, batch_size: int) -> tuple[int, int]:
    """(steps, images of a split) to time: fewer of a large network. What is kept of a frozen part is in no step."""
    images = int(LONG * RATE / max(network.flops, 1))
    steps = STEPS[1] if network.keeps else images // (3 * batch_size)  # backward takes twice as long as forward
    return max(STEPS[0], min(STEPS[1], steps)), max(IMAGES[0], min(IMAGES[1], images))


def timed(model: Model, baseline: Train, streams: Streams, parts: Parts, steps: int) -> Timings:
    """Seconds of the baseline on `parts`, images and labels of train, val and test, over `steps` optimizer steps."""
    classes = max(int(labels.max()) for _, labels in parts.values()) + 1
    settings = dataclasses.replace(baseline, steps=steps, curve_points=1)
    images, _ = parts["train"]
    keeps = keeps_outputs(images.shape[1:], classes, model, settings)
    some = _cut(parts, slice(FEW)) if keeps else parts
    recipe = Recipe(model, settings, settings, streams)
    first, _ = _run(recipe, some, classes)
    drawn = keeps and _draws_frozen(images.shape[1:], classes, model, settings)
    again, spent = _run(recipe, some, classes)
    outputs = 0.0  # seconds of the frozen part
    if keeps:
        others = _cut(parts, slice(0 if drawn else FEW, 2 * FEW))  # whose outputs, or more of them, are not kept yet
        outputs = max(_run(recipe, others, classes)[0] - again, 0.0)
    once, anew = (0.0, outputs) if drawn else (outputs, 0.0)
    count = {name: len(labels) for name, (_, labels) in some.items()}
    scored = count["train"] + count["val"] * (1 + len(settings.evaluation_policies)) + count["test"]
    scored += min(settings.curve_train_images, count["train"]) + count["val"]
    return Timings(
        step=max(spent["train"] - anew, 0.0) / steps,
        image=(spent["curve"] + spent["predict"]) / scored,
        run=max(again - sum(spent.values()), 0.0),
        cell=STAGE_SECONDS + max(first - again - once, 0.0),
        once=once / sum(count.values()),
        anew=anew / sum(count.values()),
    )


def _draws_frozen(input_shape: tuple[int, int, int], classes: int, architecture: Model, settings: Train) -> bool:
    """Whether the frozen part of the network that was run last is drawn for each replicate."""
    from valgap.training.machine import machine_of

    return machine_of(input_shape, classes, architecture, settings).draws_frozen


def _run(recipe: Recipe, parts: Parts, classes: int) -> tuple[float, dict[str, float]]:
    """(seconds of a replicate, those of its parts)."""
    from valgap.training.examples import Examples
    from valgap.training.replicate import train_replicate

    clock = time.perf_counter()
    spent = train_replicate(recipe, 0, {name: Examples(*part) for name, part in parts.items()}, classes).seconds
    return time.perf_counter() - clock, spent


def _cut(parts: Parts, rows: slice) -> Parts:
    """Those rows of each part, counted on from its beginning where it has fewer."""
    wanted = np.arange(rows.start or 0, rows.stop)
    return {
        name: (images[wanted % len(labels)], labels[wanted % len(labels)]) for name, (images, labels) in parts.items()
    }


def keeps_outputs(input_shape: tuple[int, ...], classes: int, architecture: Model, settings: Train) -> bool:
    """Whether a part of the network is frozen and runs once for each image."""
    from valgap.training.machine import sees_images_as_they_are
    from valgap.training.network.builders import knobs_of

    if not sees_images_as_they_are(settings):
        return False
    key = (input_shape, classes, architecture, knobs_of(architecture, settings), settings.frozen)
    if key not in _PARTS:
        _PARTS[key] = _has_frozen_part(input_shape, classes, architecture, settings)
    return _PARTS[key]


_PARTS: dict[object, bool] = {}  # of this process: most variants share one


def _has_frozen_part(input_shape: tuple[int, ...], classes: int, architecture: Model, settings: Train) -> bool:
    from valgap.training.frozen import frozen_part
    from valgap.training.network.builders import build_model

    height, width, channels = input_shape
    shape = (height, width, channels)
    return frozen_part(build_model(shape, classes, architecture, settings), shape) is not None


def count_operations(
    networks: dict[str, Train], architecture: Model, input_shape: tuple[int, int, int], classes: int
) -> Models:
    """Forward operations of one image and parameters of each network, and whether a frozen part's outputs are kept."""
    from valgap.training.network.builders import build_network, knobs_of
    from valgap.training.network.structure import forward_flops

    found: Models = {}
    alike: dict[object, tuple[int, int]] = {}  # dropout computes nothing in inference and has no parameters
    for name, settings in networks.items():
        knobs = dataclasses.replace(knobs_of(architecture, settings), dropout=(0.0, 0.0, 0.0))
        if knobs not in alike:
            model = build_network(input_shape, classes, architecture, knobs)
            alike[knobs] = forward_flops(model, input_shape), int(model.count_params())
        found[name] = timings.Network(*alike[knobs], keeps_outputs(input_shape, classes, architecture, settings))
    return found


def offers_half(params: Suite, placement: Placement) -> bool:
    """Whether half precision is to be had here, and not what the baseline is in."""
    return placement.device == "cpu" and params.train.precision == "float32" and host.has_bfloat16()


def _timings(what: str, params: Suite, settings: Train, network: timings.Network, placement: Placement) -> Timings:
    """Mean seconds of these settings, whose network that is, in as many processes at once as a run uses."""
    workers = len(placement.slots)
    steps, images = extent(network, settings.batch_size) if placement.device == "cpu" else (STEPS[1], IMAGES[1])
    print(f"probe: {what}, {workers} processes at once on {placement.device}", flush=True)
    measured: list[Timings] = []
    for found in pool.run_jobs(
        measure, [(params.model, settings, params.split.blocks[0], steps, images)] * workers, placement
    ):
        measured.append(found)
        print(f"probe: {len(measured)}/{workers} processes, {1000 * found.step:.1f} ms a step", flush=True)
    return mean_of(measured)


def take(params: Suite) -> None:
    """Measure what the cached probe does not know, and write it."""
    manifest = read_manifest()
    shape, classes = manifest.image_shape, len(manifest.class_names)
    key = timings.probe_key(params, manifest.image_shape)
    placement = place(params.compute)
    cached = timings.read_probe(key)
    models = cached.models if cached else {}
    if networks := timings.missing_models(params, models):
        print(f"probe: operations of {len(networks)} variants", flush=True)
        (counted,) = pool.run_jobs(count_operations, [(networks, params.model, shape, classes)], placement.first)
        models = models | counted
    if cached is None:
        network = models[timings.digest(params.train)]
        baseline = _timings("the baseline", params, params.train, network, placement)
        half = None
        if offers_half(params, placement):
            precise = dataclasses.replace(params.train, precision="mixed_bfloat16")
            what = "the same in mixed_bfloat16, which this processor has"
            half = _timings(what, params, precise, network, placement).step
        cached = timings.Probe(baseline, {}, half)
    cached = dataclasses.replace(cached, models=models)
    if (name := timings.missing_other(params, cached)) is not None:
        settings = params.variants[name]
        digest = timings.digest(settings)
        what = f"{name}, of which another part is trained"
        other = _timings(what, params, settings, models[digest], placement)
        cached = dataclasses.replace(cached, other=timings.Other(digest, other))
    timings.write_probe(key, cached)


def main() -> None:
    """Take the probe for params.yaml."""
    params = load_suite()
    try:
        take(params)
    except OSError as error:
        raise SuiteError(f"cannot write {timings.PROBE}: {error}; check its owner and free space") from None


if __name__ == "__main__":
    run_program(main)

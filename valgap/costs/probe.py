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

STEPS = 30  # timed optimizer steps, after as many that pay for tracing
STAGE_SECONDS = 1.2  # of a core, what a cell's stage takes besides training: DVC, the parameters' check, its imports
IMAGES = 5000  # of a split, at most: enough to time predictions

Models = dict[str, dict[str, int]]
Parts = Mapping[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]  # (n, h, w, c) images and (n,) labels, by split


def measure(model: Model, baseline: Train, block: int) -> Timings:
    """Seconds of the baseline in this worker process."""
    images, labels = load_images(), load_labels()
    splits = load_splits(block)
    index = {"train": splits.train[0][: splits.train_size], "val": splits.val[0], "test": splits.test[0]}
    parts = {name: (images[rows[:IMAGES]], labels[rows[:IMAGES]]) for name, rows in index.items()}
    return timed(model, baseline, splits.streams, parts, STEPS)


def timed(model: Model, baseline: Train, streams: Streams, parts: Parts, steps: int) -> Timings:
    """Seconds of the baseline on `parts`, images and labels of train, val and test, over `steps` optimizer steps."""
    from valgap.training.examples import Examples
    from valgap.training.replicate import train_replicate

    examples = {name: Examples(*part) for name, part in parts.items()}
    settings = dataclasses.replace(baseline, steps=steps, curve_points=1)
    recipe = Recipe(model, settings, settings, streams)
    count = {name: len(split.labels) for name, split in examples.items()}
    scored = count["train"] + count["val"] * (1 + len(settings.evaluation_policies)) + count["test"]
    scored += min(settings.curve_train_images, count["train"]) + count["val"]
    classes = max(int(split.labels.max()) for split in examples.values()) + 1
    walls, spent = [], {"train": 0.0, "curve": 0.0, "predict": 0.0}
    for _ in range(2):
        clock = time.perf_counter()
        spent = train_replicate(recipe, 0, examples, classes).seconds
        walls.append(time.perf_counter() - clock)
    return Timings(
        step=spent["train"] / steps,
        image=(spent["curve"] + spent["predict"]) / scored,
        run=max(walls[1] - sum(spent.values()), 0.0),
        cell=STAGE_SECONDS + max(walls[0] - walls[1], 0.0),
    )


def count_operations(
    networks: dict[str, Train], architecture: Model, input_shape: tuple[int, int, int], classes: int
) -> Models:
    """Forward operations of one image and parameters of each network."""
    from valgap.training.network.builders import build_network, knobs_of
    from valgap.training.network.structure import forward_flops

    found: Models = {}
    alike: dict[object, dict[str, int]] = {}  # dropout computes nothing in inference and has no parameters
    for name, settings in networks.items():
        knobs = dataclasses.replace(knobs_of(architecture, settings), dropout=(0.0, 0.0, 0.0))
        if knobs not in alike:
            model = build_network(input_shape, classes, architecture, knobs)
            operations = forward_flops(model, input_shape)
            alike[knobs] = {"flops": operations, "parameters": int(model.count_params())}
        found[name] = alike[knobs]
    return found


def offers_half(params: Suite, placement: Placement) -> bool:
    """Whether half precision is to be had here, and not what the baseline is in."""
    return placement.device == "cpu" and params.train.precision == "float32" and host.has_bfloat16()


def _half(params: Suite, placement: Placement) -> float:
    """Seconds of the baseline's step in mixed_bfloat16, in as many processes at once."""
    print("probe: the same in mixed_bfloat16, which this processor has", flush=True)
    half = dataclasses.replace(params.train, precision="mixed_bfloat16")
    jobs = [(params.model, half, params.split.blocks[0])] * len(placement.slots)
    return mean_of([*pool.run_jobs(measure, jobs, placement)]).step


def take(params: Suite) -> None:
    """Measure what the cached probe does not know, and write it."""
    manifest = read_manifest()
    shape, classes = manifest.image_shape, len(manifest.class_names)
    key = timings.probe_key(params, manifest.image_shape)
    placement = place(params.compute)
    workers = len(placement.slots)
    cached = timings.read_probe(key)
    if cached is None:
        print(
            f"probe: the baseline for {2 * STEPS} steps in {workers} processes at once on {placement.device}",
            flush=True,
        )
        job = (params.model, params.train, params.split.blocks[0])
        measured = []
        for found in pool.run_jobs(measure, [job] * workers, placement):
            measured.append(found)
            print(f"probe: {len(measured)}/{workers} processes, {1000 * found.step:.1f} ms a step", flush=True)
        half = _half(params, placement) if offers_half(params, placement) else None
        cached = timings.Probe(mean_of(measured), {}, half)
    if networks := timings.missing_models(params, cached):
        print(f"probe: operations of {len(networks)} variants", flush=True)
        (counted,) = pool.run_jobs(count_operations, [(networks, params.model, shape, classes)], placement.first)
        cached = dataclasses.replace(cached, models=cached.models | counted)
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

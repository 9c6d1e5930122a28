"""A probe of this machine's speed: `python -m stages.planning.probe`.

Reads params.yaml and data/prepared/, trains the baseline for a few steps in as many processes as a run
uses, counts every variant's operations, and writes .dvc/tmp/probe.json. TensorFlow lives in the processes.
"""

import dataclasses
import os
import statistics
import time

import numpy as np

from stages.compute import pool
from stages.compute.lifetime import die_with_parent
from stages.data.arrays import load_array, load_labels, load_splits
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.experiment import Train
from stages.planning import timings
from stages.planning.estimate import Timings

STEPS = 30  # timed optimizer steps, after as many that pay for tracing
IMAGES = 5000  # of a split, at most: enough to time predictions

Models = dict[str, dict[str, int]]


def measure(submitted: float, baseline: Train, seed: int, block: int, train_size: int) -> Timings:
    """Seconds of the baseline in this worker process, which was asked for at `submitted` (seconds since the epoch)."""
    started = time.time() - submitted
    clock = time.perf_counter()
    from stages.model.replicate import Examples, train_replicate

    images, labels = load_array("pool", "images"), load_labels("pool")
    splits = load_splits(block)
    index = {"train": splits.train[0][:train_size][:IMAGES], "val": splits.val[0][:IMAGES]}
    examples = {name: Examples(images[rows], labels[rows]) for name, rows in index.items()}
    examples["test"] = Examples(np.array(load_array("test", "images")[:IMAGES]), load_labels("test")[:IMAGES])
    settings = dataclasses.replace(baseline, steps=STEPS, curve_points=1)
    count = {name: len(split.labels) for name, split in examples.items()}
    scored = count["train"] + count["val"] * (1 + len(settings.evaluation_policies)) + count["test"]
    scored += min(settings.curve_train_images, count["train"]) + count["val"]
    ready = time.perf_counter() - clock
    walls, spent = [], {"train": 0.0, "curve": 0.0, "predict": 0.0}
    for _ in range(2):
        clock = time.perf_counter()
        spent = train_replicate(settings, settings, seed, 0, examples, int(labels.max()) + 1).seconds
        walls.append(time.perf_counter() - clock)
    return Timings(
        step=spent["train"] / STEPS,
        image=(spent["curve"] + spent["predict"]) / scored,
        run=max(walls[1] - sum(spent.values()), 0.0),
        cell=started + ready + max(walls[0] - walls[1], 0.0),
    )


def count_operations(networks: dict[str, Train], input_shape: tuple[int, int, int], classes: int) -> Models:
    """Forward operations of one image and parameters of each network."""
    from stages.model.cnn import build_model, forward_flops

    found: Models = {}
    alike: dict[tuple[object, ...], int] = {}  # operations of networks whose layers that compute are the same
    for name, settings in networks.items():
        model = build_model(input_shape, classes, settings)
        layers = [layer for layer in model.layers if type(layer).__name__ != "Dropout"]
        shape = tuple((type(layer).__name__, tuple(layer.output.shape)) for layer in layers)
        if shape not in alike:
            alike[shape] = forward_flops(model, input_shape)
        found[name] = {"flops": alike[shape], "parameters": int(model.count_params())}
    return found


def take(params: suite.Suite) -> None:
    """Measure what the cached probe does not know, and write it."""
    manifest = timings.read_manifest()
    height, width, channels = manifest["image_shape"]
    shape, classes = (height, width, channels), len(manifest["class_names"])
    key = timings.probe_key(params, manifest["image_shape"])
    device, workers = key["environment"]["device"], key["workers"]
    cached = timings.read_probe(key)
    if cached is None:
        print(f"probe: the baseline for {2 * STEPS} steps in {workers} processes at once on {device}", flush=True)
        job = (time.time(), params.train, params.split.seed, params.split.blocks[0], params.split.train_size)
        measured = []
        for found in pool.run_jobs(measure, [job] * workers, workers, device):
            measured.append(found)
            print(f"probe: {len(measured)}/{workers} processes, {1000 * found.step:.1f} ms a step", flush=True)
        fields = {field.name: [getattr(m, field.name) for m in measured] for field in dataclasses.fields(Timings)}
        cached = timings.Probe(Timings(**{name: statistics.fmean(values) for name, values in fields.items()}), {})
    if networks := timings.missing_models(params, cached):
        print(f"probe: operations of {len(networks)} variants", flush=True)
        (counted,) = pool.run_jobs(count_operations, [(networks, shape, classes)], 1, device)
        cached = timings.Probe(cached.timings, cached.models | counted)
    timings.write_probe(key, cached)


def main() -> None:
    """Take the probe for params.yaml."""
    die_with_parent(os.getppid())
    params = suite.load()
    try:
        take(params)
    except OSError as error:
        raise SuiteError(f"cannot write {timings.PROBE}: {error}; check its owner and free space") from None


if __name__ == "__main__":
    run_stage(main)

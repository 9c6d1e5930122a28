"""Where a step of training spends its time: `python -m benchmarks.floor <network> ...`, of networks.py, on one core.

Of each kind of operation: its part of the step, what it computes and moves, and the least that it could take at the
core's own rates, those of a matrix product and of a copy of memory. What runs near its least cannot be sped up, only
left out. Prints a Markdown table a network.
"""

import dataclasses
import math
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import product
from benchmarks.images import BATCH, CLASSES
from benchmarks.machine import load
from benchmarks.networks import NETWORKS, images_of
from valgap.ground.errors import SuiteError, run_program

STEPS = 20  # profiled, after as many to warm up
COPIED = 2**26  # numbers of float32 that are copied: more than any cache holds
FLOAT = 4  # bytes
KINDS = {  # of operations, by the first pattern that their type has; in the order of the table
    "convolutions": r"Conv2D",
    "depthwise convolutions": r"Depthwise",
    "matrix products": r"MatMul",
    "batch normalization": r"BatchNorm",
    "activations": r"Relu|Elu|Sigmoid|Softmax",
    "pooling": r"Pool",
    "additions": r"Add|Sum|Bias",
    "copies": r"Pad|Slice|Gather|Transpose|Concat|Tile|Cast|Reshape",
    "all else, the optimizer among it": r"",
}


@dataclasses.dataclass(frozen=True)
class Work:
    """What an operation does once: multiplications and additions, and bytes of what it reads and writes."""

    operations: float
    bytes: float


@dataclasses.dataclass(frozen=True)
class Row:
    """A kind of operations in a step: seconds, what is done in them, and the least they could take."""

    kind: str
    seconds: float
    work: Work
    least: float


def kind_of(operation: str) -> str:
    """The kind of an operation's type, such as `Conv2DBackpropInput`."""
    return next(kind for kind, pattern in KINDS.items() if re.search(pattern, operation))


def work_of(operation: str, inputs: Sequence[Sequence[int]], outputs: Sequence[Sequence[int]]) -> Work:
    """By the shapes of its inputs and outputs, float32; operations are counted of convolutions and products alone."""
    moved = FLOAT * float(sum(math.prod(shape) for shape in [*inputs, *outputs]))
    if operation == "MatMul":  # (a, b) x (b, c): the root of ab x bc x ac is abc
        return Work(2 * math.sqrt(math.prod(inputs[0]) * math.prod(inputs[1]) * math.prod(outputs[0])), moved)
    if not re.search("Conv2D|DepthwiseConv2dNative", operation):
        return Work(0.0, moved)
    if operation.endswith("Filter"):
        kernel, result = outputs[0], inputs[2]
    elif operation.endswith("Input"):
        kernel, result = inputs[1], inputs[2]
    else:
        kernel, result = inputs[1], outputs[0]
    each = kernel[0] * kernel[1] * (1 if "Depthwise" in operation else kernel[2])
    return Work(2.0 * math.prod(result) * each, moved)


def rows_of(
    seconds: Mapping[str, float], done: Mapping[str, tuple[str, Work]], products: float, copies: float
) -> list[Row]:
    """By kind, of the `seconds` of each operation by name, and what it is and does.

    `products` is the operations a second, `copies` the bytes a second of the core. An operation that the graph does not
    know, for TensorFlow put it there itself, is of the kind that its name tells, and counts with its time alone.
    """
    found: dict[str, list[tuple[float, Work, float]]] = defaultdict(list)
    for name, took in seconds.items():
        operation, work = done.get(name, (name, Work(0.0, 0.0)))
        found[kind_of(operation)].append((took, work, max(work.operations / products, work.bytes / copies)))
    return [
        Row(
            kind, sum(each[0] for each in parts),
            Work(sum(each[1].operations for each in parts), sum(each[1].bytes for each in parts)),
            sum(each[2] for each in parts),
        )
        for kind in KINDS if (parts := found.get(kind))
    ]  # fmt: skip


def copy_rate() -> float:
    """Bytes that one core reads and writes in a second when it copies: the fastest of some copies."""
    source, target = np.ones(COPIED, np.float32), np.zeros(COPIED, np.float32)
    return 2 * FLOAT * COPIED / product.fastest(lambda: np.copyto(target, source))


def profiled(name: str) -> tuple[float, dict[str, float], dict[str, tuple[str, Work]]]:
    """(seconds of a step, those of each operation by its name in the graph, what that operation is and does)."""
    import tensorflow as tf

    from benchmarks import turns
    from benchmarks.settings import model_of, recipe_of
    from valgap.training.examples import Examples, Feed
    from valgap.training.machine import machine_of

    asked = NETWORKS[name]
    machine = machine_of(asked.shape, CLASSES, model_of(asked), recipe_of(asked))
    images, labels = images_of(asked)
    order = np.tile(np.arange(BATCH, dtype=np.int32), (STEPS, 1))
    (part,) = Feed(Examples(turns.inputs(machine, images), labels), CLASSES).steps(order, 0)
    seed = tf.constant(0, tf.int32)
    machine.train(*part, seed)
    clock = time.perf_counter()
    machine.train(*part, seed)
    step = (time.perf_counter() - clock) / STEPS
    seconds = _seconds_of_operations(lambda: machine.train(*part, seed))
    graph = machine.train.get_concrete_function(*part, seed).graph  # type: ignore[attr-defined]
    (loop,) = (each for each in graph.get_operations() if each.type in ("While", "StatelessWhile"))
    body = graph._get_function(loop.get_attr("body").name).graph  # it has no public name
    return step, seconds, {each.name: (each.type, _work(each)) for each in body.get_operations()}


def _seconds_of_operations(train: Callable[[], object]) -> dict[str, float]:
    """Of each operation of the loop's body in a step, by its name in the graph, where `train` makes STEPS of them."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)
        with tf.profiler.experimental.Profile(folder, options=options):
            train()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    found: dict[str, float] = defaultdict(float)
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                named = re.fullmatch(r"while/body/_\d+/(.+):\w+", plane.event_metadata[event.metadata_id].name)
                if named:
                    found[named[1]] += event.duration_ps / 1e12 / STEPS
    return dict(found)


def _work(operation: Any) -> Work:
    shapes = [[each.shape for each in tensors] for tensors in (operation.inputs, operation.outputs)]
    known = [[tuple(shape.as_list()) for shape in each if shape.is_fully_defined()] for each in shapes]
    return work_of(operation.type, *known)


def table(step: float, rows: Sequence[Row]) -> str:
    """In Markdown. What is not among the rows is what TensorFlow takes between operations."""
    lines = [
        "| operations | ms | of the step | GFLOP | GB moved | least, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        lines.append(
            f"| {row.kind} | {1e3 * row.seconds:.1f} | {row.seconds / step:.0%} | {row.work.operations / 1e9:.2f} | "
            f"{row.work.bytes / 1e9:.2f} | {1e3 * row.least:.1f} |"
        )
    least = sum(row.least for row in rows)
    lines.append(f"| step | {1e3 * step:.1f} | | | | {1e3 * least:.1f} ({least / step:.0%}) |")
    return "\n".join(lines)


def main() -> None:
    """Profile each network that the command line names."""
    names = sys.argv[1:]
    if not names or set(names) - set(NETWORKS):
        raise SuiteError(
            f"usage: python -m benchmarks.floor <network> ...: got {names}; networks: {', '.join(NETWORKS)}"
        )
    print(f"load average before: {load()[0]:.2f}", flush=True)
    from valgap.training.tensorflow import start_tensorflow

    start_tensorflow("cpu")
    products, copies = product.products()["tensorflow"](1), copy_rate()
    print(f"a product: {products / 1e9:.0f} GFLOP/s; a copy: {copies / 1e9:.1f} GB/s, read and written", flush=True)
    for name in names:
        step, seconds, done = profiled(name)
        print(f"\n{NETWORKS[name].title}, batches of {BATCH}: {1e3 * step:.1f} ms a step\n", flush=True)
        print(table(step, rows_of(seconds, done, products, copies)), flush=True)


if __name__ == "__main__":
    run_program(main)

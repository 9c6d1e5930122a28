"""Reads a tf.data.Dataset without moving it on: a later pass over it gives what it would have given."""

from collections.abc import Iterator
from typing import Any

from valgap.ground.errors import SuiteError

# Ops whose state lies outside the graph, so that a copy would share it: shuffling draws from a generator in memory,
# caching fills memory or a file. For a sample neither is needed.
STATEFUL = ("ShuffleDataset", "ShuffleDatasetV2", "ShuffleDatasetV3", "CacheDataset", "CacheDatasetV2")
KEPT = ("output_types", "output_shapes", "metadata")  # attributes of the op that takes the place of these


def batches_of_dataset(dataset: Any, name: str) -> Iterator[tuple[Any, ...]]:
    """The elements of a copy of a data set, which neither shuffles nor caches. Raises SuiteError without a copy."""
    try:
        copied = _copy(dataset)
    except Exception as error:  # of what cannot be written as a graph: an iterator, more than 2 GiB of constants
        line = " ".join(str(error).split())[:200]
        raise SuiteError(
            f"{name} is a tf.data.Dataset that cannot be read beside `fit` ({type(error).__name__}: {line}); give "
            "arrays (x, y) of some of its images"
        ) from None
    yield from copied


def _copy(dataset: Any) -> Any:
    import tensorflow as tf
    from tensorflow.core.framework import graph_pb2
    from tensorflow.python.data.ops import dataset_ops

    graph = graph_pb2.GraphDef.FromString(dataset._as_serialized_graph().numpy())
    bodies = [function.node_def for function in graph.library.function]
    for nodes in (graph.node, *bodies):
        output = "" if nodes is graph.node else ":output:0"  # how a function's body names what a node gives
        for node in list(nodes):
            if node.op in STATEFUL:
                _pass_through(nodes, node, output, tf)
    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return dataset_ops._VariantDataset(variant, dataset.element_spec)


def _pass_through(nodes: Any, node: Any, output: str, tf: Any) -> None:
    """Turn a node into one that takes all that comes."""
    everything = nodes.add(name=f"{node.name}_everything", op="Const")
    everything.attr["dtype"].type = tf.int64.as_datatype_enum
    everything.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(-1, tf.int64))
    source = node.input[0]
    node.op = "TakeDataset"
    del node.input[:]
    node.input.extend([source, everything.name + output])
    for name in [name for name in node.attr if name not in KEPT]:
        del node.attr[name]

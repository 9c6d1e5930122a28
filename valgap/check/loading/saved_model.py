"""SavedModel folders, as keras.layers.TFSMLayer runs them: a function of images, without layers or a training mode."""

import re
import warnings
from pathlib import Path
from typing import Any

from valgap.check.loading.files import SAVE
from valgap.check.loading.own import short
from valgap.ground.errors import SuiteError

ENDPOINTS = ("serving_default", "serve")  # of tf.saved_model.save and model.save, and of model.export
# Operations reach outside of a graph by what an input or a setting of theirs is called, or are named here.
PLACE = re.compile(r"file|path|directory|logdir|shard_dir|address|ur[il]|descriptor_source|data_source|(?:^|_)prefix")
REACHING = frozenset({
    "Abort", "CollectiveInitializeCommunicator", "ConfigureDistributedTPU", "EagerPyFunc", "FileSystemSetConfiguration",
    "ImportEvent", "MatchingFiles", "PyFunc", "PyFuncStateless", "Recv", "RemoteCall", "RemoteFusedGraphExecute",
    "Send", "WorkerHeartbeat", "XlaHostCompute",
})  # fmt: skip
REACHING_ENDS = ("Reader", "ReaderV2", "Summary")  # of names: readers of files, writers of TensorBoard's
COMPUTING = frozenset({  # whose words mean other things, and `MergeSummary`, `ScalarSummary` and such, which make texts
    "AudioSummary", "AudioSummaryV2", "CTCBeamSearchDecoder", "ExperimentalSetStatsAggregatorDataset",
    "ExperimentalStatsAggregatorSummary", "HistogramSummary", "ImageSummary", "MergeSummary", "ScalarSummary",
    "SetStatsAggregatorDataset", "StatsAggregatorSummary", "TensorSliceDataset", "TensorSummary",
})  # fmt: skip
# In every SavedModel, which saves and restores itself by them; tables of words read the folder's own assets.
IN_EVERY = frozenset({
    "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "MergeV2Checkpoints", "RestoreV2", "SaveV2",
})  # fmt: skip


def load(folder: Path) -> Any:
    """A keras.Model of one image input around the SavedModel in `folder`; its outputs are in a dict by their names.

    A SavedModel is a program of TensorFlow's operations. One with operations that reach outside of it is refused, as
    is one whose signature takes no numbers of one tensor. Raises SuiteError on these, and on what does not load.
    """
    import keras
    import tensorflow as tf

    _refuse_reaching(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signatures = tf.saved_model.load(str(folder)).signatures
            endpoint = next((name for name in ENDPOINTS if name in signatures), next(iter(signatures), None))
            if endpoint is None:
                raise SuiteError(
                    f"MODEL = {folder} is a SavedModel without a signature, which cannot be called: {SAVE}"
                )
            specs = signatures[endpoint].structured_input_signature[1]
            if len(specs) != 1:
                taken = ", ".join(f"{name} {_shape(spec.shape)}" for name, spec in sorted(specs.items()))
                raise SuiteError(
                    f"MODEL = {folder} is a SavedModel whose signature {endpoint!r} takes {len(specs)} "
                    f"inputs ({taken}); this check scores models with one, the image"
                )
            ((_, spec),) = specs.items()
            if not (spec.dtype.is_floating or spec.dtype.is_integer):
                raise SuiteError(
                    f"MODEL = {folder} is a SavedModel whose signature {endpoint!r} takes {spec.dtype.name}, such as "
                    f"encoded files: this check gives it pixels; {SAVE}, without what decodes"
                )
            batch, *shape = spec.shape if spec.shape.rank is not None else [None] * 4
            image = keras.Input(shape, batch_size=batch, dtype="float32", name="image")
            layer = keras.layers.TFSMLayer(str(folder), call_endpoint=endpoint, trainable=False)
            return keras.Model(image, layer(keras.ops.cast(image, spec.dtype.name)), name=folder.resolve().name[:40])
    except SuiteError:
        raise
    except Exception as error:  # a folder that is incomplete, or of another version, fails in many ways
        raise SuiteError(
            f"MODEL = {folder} is a SavedModel that TensorFlow {tf.__version__} cannot load "
            f"({type(error).__name__}: {short(str(error))}): copy the whole folder again, or {SAVE}"
        ) from None


def _refuse_reaching(folder: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    file = folder / "saved_model.pb"
    if not file.is_file():
        return  # in text form, which TensorFlow's own loader reads
    try:
        graphs = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs
    except Exception:
        raise SuiteError(
            f"MODEL = {folder} is a SavedModel whose {file.name} is damaged: copy the whole folder again"
        ) from None
    nodes = [node for graph in graphs for node in graph.graph_def.node]
    nodes += [node for graph in graphs for each in graph.graph_def.library.function for node in each.node_def]
    found = {node.op for node in nodes if node.op == "PrintV2" and node.attr["output_stream"].s.startswith(b"file")}
    found |= {name for name in {node.op for node in nodes} if reaches(name)}
    if reaching := sorted(found):
        raise SuiteError(
            f"MODEL = {folder} is a SavedModel with operations that reach outside of it ({', '.join(reaching)}): it is "
            f"not run. {SAVE[0].upper()}{SAVE[1:]}, in the program that made it"
        )


def reaches(name: str) -> bool:
    """Whether TensorFlow's operation of that name reaches outside of a graph: to files, other machines, Python."""
    from tensorflow.python.framework import op_def_registry

    if name in REACHING:
        return True
    if name in COMPUTING or name in IN_EVERY:
        return False
    known = op_def_registry.get(name)  # None where it is of another library, and does not load
    words = () if known is None else (each.name for each in (*known.input_arg, *known.attr))
    return name.endswith(REACHING_ENDS) or any(PLACE.search(word) for word in words)


def _shape(shape: Any) -> tuple[int | None, ...]:
    return tuple(shape) if shape.rank is not None else ()

"""The door of files: a model's file or a model in hand, scored on images in folders. Needs a started TensorFlow."""

import dataclasses
import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from valgap.check import explained, faults_of_model, held, loading, looking, prediction
from valgap.check.asks import ASKS
from valgap.check.loading.limits import unpacked
from valgap.check.network import Network
from valgap.check.options import Options
from valgap.check.prediction import POOL, Predicted, sampled
from valgap.check.reading import Asked, Index, find
from valgap.compute import box
from valgap.data.layouts.layout import Layout
from valgap.data.layouts.loading import load_layout
from valgap.data.layouts.orders import orders
from valgap.data.reading.decoding import KERAS, Decoding
from valgap.data.reading.variants import read_variants
from valgap.data.sources.images import GIVEN, Images
from valgap.diagnostics.reading.orders import known
from valgap.diagnostics.reading.readings import DEFAULT, Decoded, Reading, Space, space
from valgap.ground.errors import SuiteError, Term
from valgap.ground.host import usable_cores

RESIZE = "resize them as in training, or save the model with an input of that size"
TERMS = {  # what this command calls the keys of params.yaml
    "data.path": Term("DATA"),
    "data.group_pattern": Term("--groups"),
    "data.image_size": Term("the model's input", "any size", RESIZE),
}
COLORS: dict[int | None, Literal["grey", "rgb"]] = {1: "grey", 3: "rgb"}  # by channels


def look_first(path: Path, *_: Any) -> None:
    """Raise SuiteError unless there is a model at `path`: what can be told of `work`'s job before TensorFlow starts."""
    loading.check_file(path)


def work(path: Path, layout: Layout, options: Options, pixels: Path) -> Predicted:
    """As `examine` on a saved model, in a worker process of its own, on all cores: last bits may change, no more."""
    import tensorflow as tf

    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which would outlive a worker that is ended at once
    tf.config.threading.set_intra_op_parallelism_threads(usable_cores())
    with box.room_for(unpacked(path)):
        model = loading.load_model(path, options.module)
    return in_hand(model, path, layout, options, pixels)


def in_hand(model: Any, path: Path | None, layout: Layout, options: Options, pixels: Path) -> Predicted:
    """As `examine` on a loaded model, in this process; `path` is the file that it came from, if any."""
    compiled = loading.compiled_of(model) if path is None else loading.compiled_in_file(path)
    return examine(network_of(model, path or Path(str(model.name)), options), compiled, layout, options, pixels)


def network_of(model: Any, name: Path, options: Options) -> Network:
    """A loaded model as the check asks it."""
    return Network(model, name, options.output, options.preprocessing())


def examine(
    network: Network, compiled: loading.Compiled | None, layout: Layout, options: Options, pixels: Path
) -> Predicted:
    """Score the model on the images of a layout, decoded into `pixels` (.npy), as its training read them.

    Raises SuiteError on images that cannot be read, and on inputs or outputs that do not fit images of these classes.
    """
    takes = network.takes
    size = (takes.height, takes.width) if takes.height and takes.width else None
    decoding = dataclasses.replace(KERAS, size=size, color=COLORS.get(takes.channels, "auto"))
    images = read_files(layout, decoding, pixels, options)
    splits = images.given if np.isin(images.given, GIVEN).any() else np.full(len(images.labels), POOL)
    question = asked(network, layout, images, splits, decoding, options)
    read = find(network, question)
    if read.decision.reading.decoding != DEFAULT.decoding:
        as_read = pixels.with_name(
            f"as-read-{pixels.name}"
        )  # beside those that the audit looks at, which bars would mislead
        images = read_files(layout, decoded(decoding, images, read.decision.reading.decoding), as_read, options)
    predicted = prediction.concluded(
        network,
        images,
        splits,
        read,
        compiled,
        lambda outputs: (
            *faults_of_model.look(network, compiled, images, splits, read, outputs, options.value_range),
            *held.look(network, question, read, images, prediction.roles(splits)[1]),
            *explained.look(network, images, splits, read, outputs, options.saw),
        ),
        options.value_range,
        ASKS,
    )
    return dataclasses.replace(looking.with_maps(network, images, read, predicted), assumed=layout.said)


def read_files(layout: Layout, decoding: Decoding, pixels: Path, options: Options) -> Images:
    """The images as the model takes them. Raises SuiteError as the layout does, in the words of this command."""
    try:
        return load_layout(layout, decoding, pixels, options.groups)
    except SuiteError as error:
        raise error.named(TERMS) from None


def asked(
    network: Network,
    layout: Layout,
    images: Images,
    splits: NDArray[np.str_],
    decoding: Decoding,
    options: Options,
) -> Asked:
    """What the search for the reading needs to know of these files."""
    train, others = sampled(splits, images.labels)
    paths = [layout.root / name for name in images.names]
    tried = _space(images, network)
    found: dict[Decoded, NDArray[np.uint8]] = {}

    def pixels(way: Decoded, rows: Index) -> NDArray[np.uint8]:
        if way == DEFAULT.decoding:
            return np.asarray(images.images[rows])
        if way not in found:  # all at once: each file is opened once
            ways = [Reading(**values).decoding for values in tried.decodings()]
            variants = read_variants([paths[row] for row in rows], [decoded(decoding, images, each) for each in ways])
            found.update(zip(ways, variants, strict=True))
        return found[way]

    return Asked(
        pixels=pixels,
        labels=images.labels,
        train=train,
        held=others,
        class_names=images.class_names,
        orders=known(len(images.class_names), orders(images.class_names, layout.as_found)),
        space=tried,
        fed=None if options.fixed is None else (options.fixed, (1.0, 0.0)),
        saw=next((share for split, share, _ in options.saw if split == prediction.roles(splits)[1]), None),
    )


def decoded(decoding: Decoding, images: Images, way: Decoded) -> Decoding:
    """The decoding at the size and in the colour of these images, in another way."""
    upright, alpha, filter_, aspect = way
    height, width, channels = images.images.shape[1:]
    color: Literal["grey", "rgb"] = "grey" if channels == 1 else "rgb"
    changes: dict[str, Any] = {"upright": upright, "alpha": alpha, "filter": filter_, "aspect": aspect}
    return dataclasses.replace(decoding, size=(height, width), color=color, **changes)


def _space(images: Images, network: Network) -> Space:
    """What can make a difference to these files."""
    height, width, channels = images.images.shape[1:]
    files = images.files
    if files is None:
        return space(channels)
    wide, high = files.size.T
    return space(
        channels,
        scales=("0-255",) if network.preprocess else None,
        turned=bool((files.orientation > 0).any()),
        transparent=bool(files.transparent.any()),
        resized=bool(((wide != width) | (high != height)).any()),
        reshaped=bool((wide * height != high * width).any()),
    )

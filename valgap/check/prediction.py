"""What a saved model predicts of a folder of images, as a worker process finds it out.

Reads the model's file and the images that `Data` names; writes them, decoded, to one .npy file. Inference mode, no
augmentation, every image.
"""

import dataclasses
import threading
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from valgap.check import loading
from valgap.check.forward import Index, Takes, batch_function, input_of, predict_rows
from valgap.check.outputs import Trial, best_range, to_probabilities, trial
from valgap.data.sources.images import GIVEN, Images
from valgap.data.sources.registry import chosen
from valgap.ground.errors import SuiteError, Term
from valgap.ground.host import usable_cores
from valgap.ground.params.experiment import Data
from valgap.ground.streams import interleave

RANGES = {"0-1": (1 / 255, 0.0), "-1-1": (1 / 127.5, -1.0), "0-255": (1.0, 0.0)}  # scale and shift of uint8
TRIAL_IMAGES = 1000  # of training and of held-out ones, on which the value range is chosen
POOL = "pool"  # name of the one split of a folder without any
RESIZE = "resize them as in training, or save the model with an input of that size"
TERMS = {  # what this command calls the keys of params.yaml
    "data.path": Term("DATA"),
    "data.group_pattern": Term("groups"),
    "data.image_size": Term("the model's input", "any size", RESIZE),
}
COLORS: dict[int | None, Literal["grey", "rgb"]] = {1: "grey", 3: "rgb"}  # by channels


@dataclasses.dataclass(frozen=True)
class Predicted:
    """The images without their pixels, their splits (n,) and the model's class probabilities, float32 (n, classes).

    `kind` says in words what its outputs are; `trials` by value range how it does on `trial_images`
    training and held-out images, empty where a range was asked for.
    """

    images: Images
    splits: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    kind: str
    value_range: str
    trials: dict[str, Trial]
    trial_images: tuple[int, int]
    parameters: int


def work(path: Path, module: str | None, data: Data, value_range: str | None, pixels: Path) -> Predicted:
    """As `predict`, in a worker process of its own, on all cores: their number may change last bits, no more."""
    import tensorflow as tf

    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which would outlive a worker that is ended at once
    tf.config.threading.set_intra_op_parallelism_threads(usable_cores())
    return predict(path, module, data, value_range, pixels)


def predict(path: Path, module: str | None, data: Data, value_range: str | None, pixels: Path) -> Predicted:
    """Predictions of all images of `data`, decoded into `pixels` (.npy) at the size and color that the model takes.

    `value_range` is one of RANGES, None to choose it. Raises SuiteError as `load_model` and the source do, and on
    inputs or outputs that do not fit images of these classes.
    """
    model = loading.load_model(path, module)
    takes = input_of(model, path)
    images = read(data, takes, pixels)
    names, labels = images.class_names, images.labels
    splits = images.given if np.isin(images.given, GIVEN).any() else np.full(len(labels), POOL)
    of_batch = batch_function(model, takes, path)

    def probabilities(rows: Index, in_range: str) -> tuple[NDArray[np.float64], str]:
        if not len(rows):  # nothing is held out
            return np.empty((0, len(names))), ""
        scale, shift = RANGES[in_range]
        found = predict_rows(lambda batch: of_batch(batch * scale + shift), images.images, rows, takes.batch)
        return to_probabilities(found, names, path)

    trials: dict[str, Trial] = {}
    tried = [sample(np.flatnonzero(splits == name), labels) for name in roles(splits)]
    if value_range is None:
        for name in RANGES:
            sides = [(probabilities(rows, name)[0], labels[rows]) for rows in tried]
            trials[name] = trial(*sides[0], *sides[1])
        value_range = best_range(trials, len(names), path)
    found, kind = probabilities(np.arange(len(labels)), value_range)
    if not np.isfinite(found).all():
        raise SuiteError(f"MODEL = {path} gives values that are not finite for pixels in the range {value_range}")
    return Predicted(
        images=dataclasses.replace(images, images=np.empty((0, *images.images.shape[1:]), np.uint8)),
        splits=splits,
        probabilities=found.astype(np.float32),
        kind=kind,
        value_range=value_range,
        trials=trials,
        trial_images=(len(tried[0]), len(tried[1])),
        parameters=int(model.count_params()),
    )


def roles(splits: NDArray[np.str_]) -> tuple[str, str | None]:
    """(split on which fit is judged: train, else the only one; split off training: val, else test, None for none)."""
    present = [name for name in (*GIVEN, POOL) if name in splits]
    held_out = next((name for name in present if name in ("val", "test")), None)
    return present[0], held_out if present[0] == "train" else None


def sample(rows: Index, labels: Index) -> Index:
    """At most TRIAL_IMAGES of the rows, stratified by class, always the same."""
    return rows[interleave(labels[rows], np.random.default_rng(0))][:TRIAL_IMAGES]


def read(data: Data, takes: Takes, pixels: Path) -> Images:
    """The images as the model takes them. Raises SuiteError as the source does, in the words of this command."""
    size = (takes.height, takes.width) if takes.height and takes.width else None
    color = COLORS.get(takes.channels, data.color)
    try:
        images = chosen(data).stored(dataclasses.replace(data, image_size=size, color=color), pixels)
    except SuiteError as error:
        raise error.named(TERMS) from None
    return images

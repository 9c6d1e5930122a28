"""What the user saw: which reading, mode or metric gives exactly those accuracies. Needs a started TensorFlow."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from valgap.check.network import Network
from valgap.check.prediction import Outputs, outputs_of
from valgap.check.reading import Read
from valgap.data.sources.images import Images
from valgap.diagnostics.reading.readings import PLAIN, Reading
from valgap.diagnostics.seen import Seen
from valgap.findings.finding import Severity

ROWS = 2000  # images of a split on which an accuracy is computed anew, at most
SLACK = 0.003  # of accuracy, beside the rounding of what was seen: other decoders, other batches
MEAN = 0.1  # by which the training accuracy of `fit`, a mean over the epoch in training mode, may lie below
FAR = 0.05  # of accuracy: nearer than this a difference is not worth a cause
OTHERS = (Reading("torch"), Reading("caffe", channels="bgr"))  # of keras.applications; its third mode is a plain range

Right = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Gives:
    """Something that gives the accuracy seen: which reading, mode or metric, and the accuracy that it gives."""

    kind: Literal["reading", "mode", "metric"]
    value: float
    reading: Reading | None = None
    metric: str = ""


def look(
    network: Network,
    images: Images,
    splits: NDArray[np.str_],
    read: Read,
    outputs: Outputs,
    saw: tuple[tuple[str, float, int], ...],
    fed: Outputs | None = None,
) -> tuple[Seen, ...]:
    """What is to be said of each accuracy seen (split, accuracy, decimals), given the outputs (n, k) of all images.

    `fed` (n, k) are outputs of what objects feed, where splits are fed in several ways.
    """
    found = []
    for split, seen, digits in saw:
        rows = np.flatnonzero(splits == split)
        if not len(rows):
            continue
        fair = float(_right(network, outputs[rows], images, rows, read).mean())
        near = 0.5 * 10.0**-digits + SLACK
        below = MEAN if split == "train" else FAR
        if -below <= seen - fair <= max(near, FAR):
            found.append(_agrees(split, seen, fair, len(rows)))
            continue
        tried = [*_candidates(network, images, rows, read, outputs)]
        if fed is not None:
            value = float(_right(network, fed[rows], images, rows, read).mean())
            tried.insert(0, Gives("reading", value, Reading("fed")))
        gives = [each for each in tried if abs(each.value - seen) <= near]
        found.append(_explained(split, seen, fair, len(rows), gives))
    return tuple(found)


def _agrees(split: str, seen: float, fair: float, images: int) -> Seen:
    return Seen("VG013", "fine", {"split": split, "seen": seen, "fair": fair, "images": images})


def _explained(split: str, seen: float, fair: float, images: int, gives: list[Gives]) -> Seen:
    """The finding on an accuracy that fair scoring does not find: a metric, a mode, a reading, or nothing gives it."""
    evidence = {"split": split, "seen": seen, "fair": fair, "images": images}
    for kind, code in (("metric", "VG011"), ("reading", "VG010"), ("mode", "VG012")):
        those = [each for each in gives if each.kind == kind]
        if those:
            severity: Severity = "problem" if kind != "mode" else "worth a look"
            best = min(those, key=lambda each: abs(each.value - seen))
            others = [each.reading for each in those if each.reading is not None]
            return Seen(code, severity, evidence | {"value": best.value, "metric": best.metric, "readings": others})
    return Seen("VG013", "worth a look", evidence)


def _candidates(
    network: Network, images: Images, rows: NDArray[np.int64], read: Read, outputs: Outputs
) -> Iterator[Gives]:
    """Everything that may stand behind a number: metrics of the outputs, training mode, other plain readings."""
    yield from _metrics(outputs[rows], images.labels[rows], len(images.class_names))
    some = rows if len(rows) <= ROWS else np.sort(np.random.default_rng(0).choice(rows, ROWS, replace=False))
    own = read.decision.reading
    if network.normalises:
        training = np.concatenate([network.outputs_in_training(each) for each in read.batches(images.images, some)])
        yield Gives("mode", float(_right(network, training, images, some, read).mean()))
    for reading in _readings(own, images.images.shape[3], network):
        others = outputs_of(network, images.images, some, reading, read.known)
        yield Gives("reading", float(_right(network, others, images, some, read).mean()), reading)


def _readings(own: Reading, channels: int, network: Network) -> Iterator[Reading]:
    """The plain ranges, and what keras.applications does to pixels; with channels turned round."""
    if network.preprocess is not None:
        return
    plain = own.but(channels="rgb")
    tried = [plain.but(scale=scale) for scale in PLAIN] + [own.but(scale=scale) for scale in PLAIN]
    if channels == 3:
        turned = "bgr" if own.channels == "rgb" else "rgb"
        tried += [own.but(channels=turned), *(plain.but(scale=each.scale, channels=each.channels) for each in OTHERS)]
    yield from (each for each in dict.fromkeys(tried) if each != own)


def _metrics(outputs: Outputs, labels: NDArray[np.int64], classes: int) -> Iterator[Gives]:
    """Metrics that programs call accuracy though they count something else."""
    if outputs.shape[1] > 2:
        own = np.eye(outputs.shape[1], dtype=np.bool_)[np.minimum(labels, outputs.shape[1] - 1)]
        yield Gives("metric", float(np.mean((outputs > 0.5) == own)), metric="binary")
    if outputs.shape[1] > 5:
        ranked = np.argsort(-outputs, axis=1)[:, :5]
        yield Gives("metric", float(np.mean((ranked == labels[:, np.newaxis]).any(axis=1))), metric="top5")


def _right(network: Network, outputs: Outputs, images: Images, rows: NDArray[np.int64], read: Read) -> Right:
    """Which images are recognised, in the order of classes that was decided."""
    return network.guesses(outputs, images.class_names) == read.decision.order[images.labels[rows]]


def agreement(seen: tuple[Seen, ...]) -> Mapping[str, Seen]:
    """By split, what was said of the accuracy seen."""
    codes = ("VG010", "VG011", "VG012", "VG013")
    return {each.evidence["split"]: each for each in seen if each.code in codes}

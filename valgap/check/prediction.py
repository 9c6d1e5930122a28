"""What a model predicts of images, from either door: files that were decoded, or objects that feed it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from valgap.check.forward import Answers, joined
from valgap.check.loading import Compiled
from valgap.check.network import Network
from valgap.check.outputs import Trial, check_single_label, to_probabilities
from valgap.check.reading import Read
from valgap.data.sources.images import GIVEN, Images
from valgap.diagnostics.looked import Looked
from valgap.diagnostics.reading.decision import Decision
from valgap.diagnostics.reading.orders import Order
from valgap.diagnostics.reading.readings import Reading, Scale, Statistics, apply
from valgap.diagnostics.seen import Seen
from valgap.ground.errors import SuiteError
from valgap.ground.streams import interleave

POOL = "pool"  # name of the one split of a folder without any
CHUNK = 500  # images that are turned into floats at once

Index = NDArray[np.int64]
Outputs = NDArray[np.float32]
Ask = Callable[[Network, Images, NDArray[np.str_], Read, Outputs], Iterable[Seen]]


@dataclasses.dataclass(frozen=True)
class Predicted:
    """The images without their pixels, their splits (n,), and what the model gives.

    `probabilities` float32 (n, classes) have the classes in the sorted order of their names, whatever the order of
    the outputs. `kind` says in words what outputs are. `ranges` by value range how it does on a sample, empty where
    the range is known; `rows` are the numbers of images of that sample, training and held out. `seen` is what rules
    saw in the model and in the input pipeline, `assumed` what was taken for granted, in sentences.
    """

    images: Images
    splits: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    kind: str
    decision: Decision
    ranges: Mapping[Scale, Trial]
    rows: tuple[int, int]
    parameters: int
    compiled: Compiled | None
    seen: tuple[Seen, ...] = ()
    assumed: tuple[str, ...] = ()
    fed: Scale | None = None  # what an object feeds, or the user said; None where the range was found
    features: NDArray[np.float32] | None = None  # (n, d), d at most 64: by which the last layer decides, if it is known
    early: NDArray[np.float32] | None = None  # (n, d), d at most 64: of what the first layer with a kernel gives
    looked: tuple[Looked, ...] = ()  # where the model looks on some images

    @property
    def reading(self) -> Reading:
        """How the pixels are read."""
        return self.decision.reading


def roles(splits: NDArray[np.str_]) -> tuple[str, str | None]:
    """(split on which fit is judged: train, else the only one; split off training: val, else test, None for none)."""
    present = [name for name in (*GIVEN, POOL) if name in splits]
    held_out = next((name for name in present if name in ("val", "test")), None)
    return present[0], held_out if present[0] == "train" else None


def sampled(splits: NDArray[np.str_], labels: Index) -> tuple[Index, Index]:
    """Rows of the split on which fit is judged, and of the held-out one, each in a stratified order."""
    fitted, held_out = roles(splits)

    def of(split: str | None) -> Index:
        rows = np.flatnonzero((splits == split) & (labels >= 0))
        return rows[interleave(labels[rows], np.random.default_rng(0))] if len(rows) else rows

    return of(fitted), of(held_out)


def outputs_of(
    network: Network, pixels: NDArray[np.uint8], rows: Index, reading: Reading, known: Statistics
) -> Outputs:
    """Outputs (rows, k) of some of the images, which may be a memory map, as read so."""
    return answers_of(network, pixels, rows, reading, known).outputs


def answers_of(
    network: Network, pixels: NDArray[np.uint8], rows: Index, reading: Reading, known: Statistics
) -> Answers:
    """Outputs (rows, k) and features (rows, d) of some of the images, which may be a memory map, as read so."""
    parts = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    return joined([network.answers(apply(reading, pixels[part], known)) for part in parts])


def probabilities_of(
    network: Network, outputs: Outputs, order: Order, class_names: tuple[str, ...], compiled: Compiled | None
) -> tuple[NDArray[np.float32], str]:
    """(float32 (n, classes) in the sorted order of the names, what the outputs are). Raises SuiteError on others."""
    check_single_label(outputs, network.name, compiled is not None and compiled.loss == "binary_crossentropy")
    found, kind = to_probabilities(outputs, class_names, network.name)
    return found[:, order].astype(np.float32), kind


def concluded(
    network: Network,
    images: Images,
    splits: NDArray[np.str_],
    read: Read,
    compiled: Compiled | None,
    look: Callable[[Outputs], tuple[Seen, ...]],
    fed: Scale | None = None,
    asks: Sequence[Ask] = (),
) -> Predicted:
    """Score all images as they were read, and ask `look` what rules see, given the outputs of all images.

    `asks` are asked after it, and may run the network on other images.

    Raises SuiteError on outputs that are not finite, and on those that are no classes.
    """
    decision = read.decision
    every = np.arange(len(images.labels))
    answers = answers_of(network, images.images, every, decision.reading, read.known)
    seen = (
        *look(answers.outputs),
        *(each for ask in asks for each in ask(network, images, splits, read, answers.outputs)),
    )
    found, kind = probabilities_of(network, answers.outputs, decision.order, images.class_names, compiled)
    if not np.isfinite(found).all() and not any(each.code == "VG207" for each in seen):
        raise SuiteError(f"MODEL = {network.name} gives values that are not finite for {decision.reading.scale} pixels")
    return Predicted(
        images=dataclasses.replace(images, images=np.empty((0, *images.images.shape[1:]), np.uint8)),
        splits=splits,
        probabilities=np.nan_to_num(found, nan=1 / found.shape[1]),
        kind=kind,
        decision=decision,
        ranges=read.ranges,
        rows=(len(read.rows["choose"]) + len(read.rows["confirm"]), len(read.rows["held"])),
        parameters=int(network.model.count_params()),
        compiled=compiled,
        seen=seen,
        fed=fed,
        features=_finite(answers.late),
        early=_finite(answers.early),
    )


def _finite(features: Outputs | None) -> Outputs | None:
    """Features, None where some are not finite."""
    return features if features is not None and np.isfinite(features).all() else None

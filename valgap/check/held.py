"""Whether held-out images are read otherwise than training's: another decoding, or another way up, fits them better."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from valgap.check.network import Network
from valgap.check.outputs import guesses
from valgap.check.reading import Asked, Read
from valgap.data.sources.images import Images
from valgap.diagnostics.reading.answers import beats
from valgap.diagnostics.reading.readings import Reading, apply
from valgap.diagnostics.reading.search import CERTAIN
from valgap.diagnostics.seen import Seen
from valgap.diagnostics.turned import turned
from valgap.findings.symmetries import SYMMETRIES

GAIN = 0.10  # of accuracy
FACTORS = {"upright": "VG003", "alpha": "VG004"}

Right = NDArray[np.bool_]


def look(network: Network, asked: Asked, read: Read, images: Images, split: str | None) -> Iterator[Seen]:
    """VG003 and VG004 of held-out files, else VG120, where another way of reading them restores accuracy."""
    rows, own = read.rows["held"], read.decision.reading
    if split is None or not len(rows) or read.decision.at_chance:
        return
    labels = read.decision.order[images.labels[rows]]

    def right(reading: Reading) -> Right:
        return guesses(read.trials(reading, "held")) == labels

    base, found = right(own), False
    for factor, code in FACTORS.items():
        others = {value: right(own.but(**{factor: value})) for value in asked.space.values[factor]}
        best = max(others, key=lambda value: float(others[value].mean()))
        if best != getattr(own, factor) and beats(others[best], base, CERTAIN, GAIN):
            found = True
            yield Seen(code, "problem", _evidence(own, factor, best, others[best], base, images, split))
    if found or float(base.mean()) >= _fitted(read, images) - GAIN:
        return
    pixels = np.asarray(images.images[rows])
    square = pixels.shape[1] == pixels.shape[2]
    ways = [each.of(pixels) if square or not each.quarters % 2 else None for each in SYMMETRIES]
    every = np.array(
        [
            np.zeros(len(rows), np.bool_)
            if way is None
            else network.guesses(network.outputs(apply(own, np.ascontiguousarray(way), read.known)), images.class_names)
            == labels
            for way in ways
        ]
    )
    seen = turned(every, float(np.bincount(labels).max() / len(labels)))
    if seen is not None:
        yield seen


def _fitted(read: Read, images: Images) -> float:
    """Accuracy on the training sample."""
    labels = read.decision.order[images.labels[read.rows["choose"]]]
    return float(np.mean(guesses(read.trials(read.decision.reading, "choose")) == labels))


def _evidence(
    own: Reading, factor: str, value: object, other: Right, base: Right, images: Images, split: str
) -> dict[str, object]:
    files = images.files
    concerned = None if files is None else files.orientation > 0 if factor == "upright" else files.transparent
    return {
        "value": value,
        "best": float(other.mean()),
        "without": float(base.mean()),
        "images": len(base),
        "files": 0 if concerned is None else int(concerned[images.given == split].sum()),
        "split": {"val": "validation"}.get(split, split),
        "reading": own.but(**{factor: value}),
        "rivals": (),
    }

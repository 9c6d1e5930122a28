"""Asks the network whether it goes by what gives a class away, in images as they were read."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from valgap.check.network import Network
from valgap.check.prediction import Outputs, roles
from valgap.check.reading import Read
from valgap.data.sources.images import Images
from valgap.diagnostics.leaning import leans
from valgap.diagnostics.reading.readings import apply
from valgap.diagnostics.seen import Seen
from valgap.findings.giveaways import Looked


def look(network: Network, images: Images, splits: NDArray[np.str_], read: Read, outputs: Outputs) -> Iterator[Seen]:
    """VG127, given the outputs (n, k) of all images; nothing of a network at chance."""
    if read.decision.at_chance or not np.isfinite(outputs).all():
        return
    fitted, held_out = roles(splits)
    label_of = np.argsort(read.decision.order)  # of each output

    def named(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        answers = network.outputs(apply(read.decision.reading, pixels, read.known))
        found: NDArray[np.int64] = label_of[network.guesses(answers, images.class_names)]
        return found

    says = label_of[network.guesses(outputs, images.class_names)]
    sides = splits == fitted, splits == held_out
    looked = Looked(
        images.images, np.arange(len(splits)), images.labels, *sides, len(images.class_names), images.groups
    )
    yield from leans(looked, images.class_names, says, named)

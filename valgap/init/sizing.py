"""What suits so many images of these sizes: the size they are brought to, the split, the batch. Pure functions."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from valgap.data.sizes import Candidates, Sizes, resolve
from valgap.data.splits import draw_replicate, draw_test
from valgap.ground.errors import SuiteError
from valgap.ground.params.split import Split
from valgap.ground.records import Plain

SIDES = (224, 160, 128, 96, 64, 48, 32)  # pixels of the shorter side that images are brought to
OWN_NETWORK, A_USERS = 128, 224  # the largest of them, for the suite's small CNN and for a network of a user's
SMALL = 1000  # images without a split of their own, below which each fold takes its turn as the test set
FEWEST_STEPS = 300  # of a run: so few images would else be left before anything is learned
BATCHES = ((64, 8), (256, 16), (math.inf, 32))  # training images up to which a batch has so many

Size = tuple[int, int]  # height and width in pixels


def image_sizes(found: Mapping[tuple[int, int], int], largest: int) -> tuple[Size | None, ...]:
    """Sizes that images may be brought to, the best first, from counts of their (width, height).

    None is as they are, where all have one size and its shorter side is no more than `largest`. Images of one size
    keep their shape; others become squares, no larger than the shorter side of most.
    """
    shorter = np.repeat([min(size) for size in found], list(found.values()))
    typical = int(np.median(shorter))
    below = tuple(side for side in SIDES if side <= min(typical, largest))
    if len(found) > 1:
        return tuple((side, side) for side in below or (max(typical, 8),))
    ((width, height),) = found
    as_it_is: tuple[None, ...] = (None,) if typical <= largest else ()
    smaller = (side for side in below if side < typical)
    return as_it_is + tuple((round(side * height / typical), round(side * width / typical)) for side in smaller)


def batch_size(images: int) -> int:
    """Training images of a batch, of so many in all."""
    return next(size for most, size in BATCHES if images <= most)


def steps_of(epochs: float, images: int, batch: int) -> int:
    """Optimizer steps of so many passes over the training images, FEWEST_STEPS at least."""
    return max(round(epochs * images / batch), FEWEST_STEPS)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A split that can be drawn, as the keys of block `split` that it needs, and the sizes that come of it."""

    keys: Plain
    sizes: Sizes

    @property
    def kfold(self) -> bool:
        """Whether each fold is the test set once."""
        return self.keys.get("scheme") == "kfold"


def split_for(found: Candidates, replicates: int) -> Drawn:
    """The first split of `splits_for` of which so many replicates can be drawn.

    Raises SuiteError as drawing does where none can.
    """
    refused: SuiteError | None = None
    for keys in splits_for(found):
        try:
            raw: Plain = {"block_size": replicates, "blocks": (0,)} | keys
            return Drawn(keys, drawn(found, Split(**raw)))
        except SuiteError as error:
            refused = refused or error
    if refused is None:
        raise ValueError("there is always a split to try")
    raise refused


def splits_for(found: Candidates) -> Iterator[Plain]:
    """Splits to try, the best first: what the images bring along stays as it is, the rest is drawn."""
    given = {f"{name}_size": "all" for name in ("val", "test") if len(getattr(found, name))}
    if not given and len(found.train) < SMALL:
        yield {"scheme": "kfold"}
        yield {"scheme": "kfold", "folds": 3, "val_size": 0.25}
    for share in (0.2, 0.3):
        sizes = {f"{name}_size": given.get(f"{name}_size", share) for name in ("val", "test")}
        yield {name: size for name, size in sizes.items() if size != getattr(Split(), name)}


def drawn(found: Candidates, split: Split) -> Sizes:
    """Sizes of a split, each of whose replicates is drawn once. Raises SuiteError where one cannot be."""
    fixed = draw_test(found, split)
    sizes = resolve(split, found, fixed)
    for block in split.blocks:
        for replicate in split.replicates(block):
            draw_replicate(found, split, sizes, replicate, fixed)
    return sizes


def imbalance(labels: Sequence[int]) -> float:
    """Images of the largest class over those of the smallest."""
    counts = np.bincount(labels)
    return float(counts.max() / max(counts.min(), 1))

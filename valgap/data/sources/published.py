"""What sources of published data sets share: a pool with a test set, names of images, words for one not to be had."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.images import Images
from valgap.data.sources.npz import store
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

Pair = tuple[NDArray[np.uint8], NDArray]  # images (n, h, w) or (n, h, w, c), and whole numbers (n,)


def pool_and_test(
    data: Data,
    target: Path,
    pairs: Mapping[str, Pair],
    class_names: tuple[str, ...],
    sha256: dict[str, str],
    title: str = "images",
) -> Images:
    """A pool from which the suite draws, and a test set: the two `pairs`, by what the data set calls them.

    Raises SuiteError as `npz.store` does; a message calls the arrays by their split and `title`.
    """
    images, facts = store(((f"{split} {title}", pixels) for split, (pixels, _) in pairs.items()), data, target)
    counts = {split: len(labels) for split, (_, labels) in pairs.items()}
    return Images(
        images=images,
        labels=np.concatenate([labels for _, labels in pairs.values()]).astype(np.int64),
        class_names=class_names,
        given=np.repeat(["", "test"], list(counts.values())),
        names=places(counts),
        sha256=sha256,
        facts=facts,
    )


def places(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Names of images that have none: their places in each split."""
    return tuple(f"{split}[{place}]" for split, count in counts.items() for place in range(count))


def unobtainable(data: Data, kept: str, error: Exception) -> SuiteError:
    """What to tell when the library of a source raised `error`; `kept` is the folder where it keeps data sets."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return SuiteError(
        f"the data set {data.name!r} of source {data.source} cannot be had: {reason}. The first time it is "
        f"fetched from the network, and kept in {kept}: check the name and the connection, or copy that folder from a "
        "machine that has it; data.source: embedded needs no network"
    )

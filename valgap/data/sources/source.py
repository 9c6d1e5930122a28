"""What a source says of itself. A module beside this one that holds a `SOURCE`, and is named in `registry`, is one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from valgap.data.sources.images import Images
from valgap.ground.params.experiment import Data

Key = Literal["name", "table"]  # of block `data` in params.yaml, that one source needs and another does not take


@dataclasses.dataclass(frozen=True)
class Source:
    """How images are loaded, and what must be known for it.

    `load` gets block `data` and the path of the .npy file to which it may stream its images, in rows. `needs` are the
    keys that it needs. `own` says whether these are a user's own images, of which the suite knows nothing.
    """

    load: Callable[[Data, Path], Images]
    needs: tuple[Key, ...] = ()
    own: bool = False

    def stored(self, data: Data, target: Path) -> Images:
        """The images, their pixels in the .npy file `target`, whether `load` streams them there or not.

        Raises SuiteError as the source does.
        """
        images = self.load(data, target)
        if not target.exists():
            np.save(target, images.images)
        return images

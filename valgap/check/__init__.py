"""A saved model, scored fairly on a folder of images, and the audit of those images. Trains nothing.

The room can be called: `valgap.check("my.keras", "photos")` is its function `check`.
"""

import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from valgap.check.document import Checked


def check(
    model: "str | os.PathLike[str] | keras.Model",
    data: str | os.PathLike[str],
    *,
    module: str | None = None,
    groups: str | None = None,
    value_range: str | None = None,
    out: str | os.PathLike[str] | None = None,
) -> "Checked":
    """Score a Keras model on the images in a folder, fairly, and look for what is wrong with them; trains nothing.

    `model` is a saved model (.keras, .h5), or a keras.Model in hand. `data` is a folder of `train/` and `val/`, perhaps
    `test/`, each of class folders, or of class folders alone. `module` is the dotted name of the module that defines
    the model's own layers, `groups` a regular expression of what in an image's path names its group, `value_range`
    that of the pixels the model takes (0-1, -1-1 or 0-255; None to find out). `out` is a folder for check.md and
    check.html. The document that comes back shows itself in a notebook, and has `markdown()`, `html()` and
    `save(folder)`. TensorFlow runs in a process of its own. Raises SuiteError on what cannot be used.
    """
    from valgap.check import run  # with numpy, SciPy and scikit-learn, which take seconds to import

    document = run.check(model, os.fspath(data), module, groups, value_range)
    if out is not None:
        document.save(Path(out))
    return document


class _Room(ModuleType):
    """The module as one can call it: an import of anything in the room binds `valgap.check` to the module."""

    __call__ = staticmethod(check)


__signature__ = inspect.signature(check)  # what help and notebooks show of the module as a function
sys.modules[__name__].__class__ = _Room

"""A saved model, scored fairly on a folder of images, and the audit of those images. Trains nothing.

The room can be called: `valgap.check("my.keras", "photos")` is its function `check`.
"""

import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from valgap.check.callback import GapCallback as GapCallback
    from valgap.check.document import Checked
    from valgap.check.options import Options
    from valgap.check.preflight import preflight as preflight


def check(
    model: "str | os.PathLike[str] | keras.Model",
    train: Any,
    val: Any = None,
    test: Any = None,
    *,
    saw: Any = None,
    history: Any = None,
    steps: int | None = None,
    module: str | None = None,
    groups: str | None = None,
    value_range: str | None = None,
    output: str | None = None,
    preprocess: str | None = None,
    mute: "tuple[str, ...] | list[str]" = (),
    out: str | os.PathLike[str] | None = None,
) -> "Checked":
    """Name, without training, what is wrong with a Keras model, its images and how they are read and fed.

    `model` is a saved model (.keras, .h5, a SavedModel folder), or a keras.Model in hand. `train`, `val`, `test` are
    the very objects that are passed to `fit` and `evaluate`: a tf.data.Dataset, a PyDataset, an iterator of
    ImageDataGenerator, arrays (x, y); or folders. `train` alone may be a folder of splits, or of class folders.

    `saw` are the accuracies that your program showed, training and validation, as (0.99, 0.32); `history` a Keras
    History, a dict, a CSVLogger file or a TensorBoard folder. `steps` are the batches of a pass over endless objects.
    `module` is the dotted name of the module that defines the model's own layers, `groups` a regular expression of
    what in an image's path names its group, `value_range` that of the pixels the model takes (0-1, -1-1 or 0-255; None
    to find out), `output` the one of several outputs that says the class, `preprocess` your own function as
    module:function, of pixels in 0 to 255. `mute` are codes of findings to leave out, `out` is a folder for check.md
    and check.html.

    What comes back shows itself in a notebook and a terminal, and has `findings`, `to_dict()`, `markdown()`, `html()`
    and `save(path)`. It runs in this process and leaves model, seeds, policies and optimizer as they were. Raises
    SuiteError on what cannot be used.
    """
    from valgap.check import run  # with numpy, SciPy and scikit-learn, which take seconds to import

    options = options_of(saw, history, steps, module, groups, value_range, output, preprocess, mute)
    data = {name: each for name, each in (("train", train), ("val", val), ("test", test)) if each is not None}
    document = run.check(model, data, options, apart=False)
    if out is not None:
        document.save(Path(out))
    return document


def options_of(
    saw: Any,
    history: Any,
    steps: int | None,
    module: str | None,
    groups: str | None,
    value_range: str | None,
    output: str | None,
    preprocess: str | None,
    mute: "tuple[str, ...] | list[str]",
) -> "Options":
    """What was said beside model and data. Raises SuiteError on what is not known."""
    from valgap.check import options, stated

    return options.Options(
        module=module,
        groups=groups,
        value_range=options.range_of(value_range),
        output=output,
        preprocess=preprocess,
        saw=options.saw_of(saw),
        history=history,
        steps=steps,
        mute=stated.check_codes(mute),
    )


class _Room(ModuleType):
    """The module as one can call it: an import of anything in the room binds `valgap.check` to the module."""

    __call__ = staticmethod(check)


__signature__ = inspect.signature(check)  # what help and notebooks show of the module as a function
sys.modules[__name__].__class__ = _Room

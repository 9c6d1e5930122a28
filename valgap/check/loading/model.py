"""Loads a user's saved model in safe mode, in a worker process that has started TensorFlow.

Reads the model's file, and imports the module that defines its own classes, where one is named.
"""

import warnings
from pathlib import Path
from typing import Any

from valgap.check.loading import allowed, keras2, refusals, saved_model
from valgap.check.loading.files import File, look_into, named_as_keras_wants
from valgap.check.loading.names import names_of
from valgap.check.loading.own import custom_objects
from valgap.check.loading.substitution import substituted
from valgap.ground.errors import SuiteError


def load_model(path: Path, module: str | None) -> Any:
    """The model saved at `path`, not compiled: a keras.Model, or a tf_keras.Model where Keras 2 saved it.

    `module` is imported first and may hold its own classes. A file of Keras 2 is loaded by tf_keras where that is
    installed, and else by Keras 3 as far as it can. Raises SuiteError on a file that is no model, on a class that is
    not known, on code that safe mode refuses.
    """
    file = look_into(path)
    if file.kind == "saved_model":
        return saved_model.load(path)
    if file.of_keras2 and keras2.installed():
        return keras2.load(file, module)
    return _load(file, module)


def _load(file: File, module: str | None) -> Any:
    import keras

    known = custom_objects(module)
    try:
        allowed.refuse(file, {*known, *keras.saving.get_custom_objects()}, module, names_of("keras"))
        with warnings.catch_warnings(), named_as_keras_wants(file) as path:
            warnings.simplefilter("ignore")  # on how it was compiled, which plays no part
            return keras.saving.load_model(path, custom_objects=known, compile=False, safe_mode=True)
    except SuiteError:
        raise
    except Exception as error:  # a file that is no model, or not this version's, fails in many ways
        text = str(error) or type(error).__name__
        if file.of_keras2 and refusals.python_code_in(substituted(file.config)[0]):
            raise SuiteError(refusals.python_code(file)) from None
        if file.of_keras2 and not _of_the_user(text, file):
            raise SuiteError(refusals.keras2_needed(file, text)) from None
        raise SuiteError(refusals.reason(file, module, text, f"Keras {keras.__version__}")) from None


def _of_the_user(text: str, file: File) -> bool:
    """Whether a class or function is missing that no Keras has."""
    found = refusals.UNKNOWN.search(text)
    return found is not None and found[1].rpartition(">")[2] not in keras2.RENAMED

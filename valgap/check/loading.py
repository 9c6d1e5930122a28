"""Loads a user's saved model in safe mode, in a worker process that has started TensorFlow.

Reads the model's file, and imports the module that defines its own classes, where one is named.
"""

import importlib
import re
import warnings
from pathlib import Path
from typing import Any

from valgap.ground.errors import SuiteError

FORMATS = (".keras", ".h5", ".hdf5")
UNKNOWN = re.compile(r"(?:Could not locate|Unknown) (?:class|function|layer|\w+)[: ]+'([^']+)'")
REASON = 300  # characters of Keras's own words that are shown
SAVE = "save it as one file, `model.save('my.keras')`"


def check_file(path: Path) -> None:
    """Raise SuiteError unless `path` is a file of a format that Keras loads as a whole model."""
    if path.is_dir():
        kind = "a SavedModel folder" if (path / "saved_model.pb").exists() else "a folder"
        raise SuiteError(f"MODEL = {path} is {kind}, which Keras 3 does not load: {SAVE}, in the program that made it")
    if not path.exists():
        raise SuiteError(f"MODEL = {path} does not exist")
    if path.name.endswith(".weights.h5"):
        raise SuiteError(f"MODEL = {path} holds weights alone, no network: {SAVE}")
    if path.suffix not in FORMATS:
        raise SuiteError(f"MODEL = {path} is not a saved model (allowed: {', '.join(FORMATS)}): {SAVE}")


def load_model(path: Path, module: str | None) -> Any:
    """The keras.Model saved at `path`, not compiled. `module` is imported first and may hold its own classes.

    Raises SuiteError on a file that is no model, on a class that is not known, on code that safe mode refuses.
    """
    import keras

    check_file(path)
    known = custom_objects(module)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how it was compiled, which plays no part
            return keras.saving.load_model(path, custom_objects=known, compile=False, safe_mode=True)
    except Exception as error:  # a file that is no model, or not this version's, fails in many ways
        raise SuiteError(_reason(path, module, str(error), keras.__version__)) from None


def custom_objects(module: str | None) -> dict[str, type]:
    """Classes and functions of a module by name; importing it also registers those that register themselves.

    Only what is defined in its package: an imported `softmax` must not stand in for Keras's own. Raises SuiteError
    when it cannot be imported.
    """
    if module is None:
        return {}
    try:
        found = vars(importlib.import_module(module))
    except Exception as error:  # whatever a user's module does on import
        raise SuiteError(
            f"--module = {module} cannot be imported: {type(error).__name__}: {_short(str(error))}; "
            "give its dotted name, as `import` takes it in this folder"
        ) from None
    package = module.partition(".")[0]
    defined = {name: str(getattr(value, "__module__", "")).partition(".")[0] for name, value in found.items()}
    return {name: value for name, value in found.items() if callable(value) and defined[name] == package}


def _reason(path: Path, module: str | None, text: str, version: str) -> str:
    """What to tell of a failure, from Keras's words."""
    if found := UNKNOWN.search(text):
        name = found[1].rpartition(">")[2]
        if module is None:
            return (
                f"MODEL = {path} needs {name!r}, which Keras does not have: name the module that defines it, "
                "--module package.module"
            )
        return f"MODEL = {path} needs {name!r}, which --module = {module} neither defines nor registers: name another"
    if "lambda" in text.lower() and "safe_mode" in text:
        return (
            f"MODEL = {path} holds a Lambda layer, whose Python code Keras's safe mode does not run: a model file from "
            "anywhere could do anything with it. Put that code into a layer of its own (keras.layers.Layer) in a "
            "module, save the model again, and name the module, --module package.module"
        )
    words = text.rpartition("Exception encountered: ")[2]  # the innermost, without the whole configuration
    return (
        f"MODEL = {path} is no model that Keras {version} can load ({_short(words)}): it is damaged, or was saved by "
        "another version, which must save it again"
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= REASON else line[: REASON - 1] + "…"

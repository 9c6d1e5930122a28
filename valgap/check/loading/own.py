"""The classes and functions of a user's module, for a model that needs them."""

import importlib
import re
from typing import Any

from valgap.ground.errors import SuiteError

KERAS = re.compile(r"^(?:tensorflow\.keras|tf\.keras|keras|tf_keras)(?=\.|$)")
OF_KERAS = ("keras", "tf_keras")
PREPROCESS = "preprocess_input"
REASON = 300  # characters of an error's own words that are shown


def custom_objects(module: str | None, keras: str = "keras") -> dict[str, Any]:
    """Classes and functions of a module by name; importing it also registers those that register themselves.

    Only what is defined in its package: an imported `softmax` must not stand in for Keras's own. A module of Keras's
    own is taken from the Keras that loads the model, `keras` or `tf_keras`, by whatever name it is asked for, and gives
    its preprocess_input alone: what else a network may call there needs no module, and some of it fetches files. Raises
    SuiteError when it cannot be imported.
    """
    if module is None:
        return {}
    try:
        found = vars(importlib.import_module(KERAS.sub(keras, module)))
    except Exception as error:  # whatever a user's module does on import
        raise SuiteError(
            f"--module = {module} cannot be imported: {type(error).__name__}: {short(str(error))}; "
            "give its dotted name, as `import` takes it in this folder"
        ) from None
    package = KERAS.sub(keras, module).partition(".")[0]
    defined = {name: str(getattr(value, "__module__", "")).partition(".")[0] for name, value in found.items()}
    wanted = (PREPROCESS,) if package in OF_KERAS else found
    return {name: found[name] for name in wanted if callable(found.get(name)) and defined[name] == package}


def short(text: str) -> str:
    """A text on one line, of at most REASON characters."""
    line = " ".join(text.split())
    return line if len(line) <= REASON else line[: REASON - 1] + "…"

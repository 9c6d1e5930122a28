"""Models that Keras 2 saved, loaded by tf_keras, which is Keras 2 beside TensorFlow. It is installed by choice.

Its deserialization imports whatever module a file names, and runs Python code of Lambda layers in HDF5 files. Here a
configuration that asks for either is refused before tf_keras sees it.
"""

import contextlib
import dataclasses
import importlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from valgap.check.loading import allowed, refusals
from valgap.check.loading.files import SUFFIXES, File, named_as_keras_wants
from valgap.check.loading.names import names_of
from valgap.check.loading.own import custom_objects, short
from valgap.check.loading.substitution import functions_of, rewritten, substituted
from valgap.ground.errors import SuiteError

NAME = "tf_keras"
LEGACY = "TF_USE_LEGACY_KERAS"
RENAMED = ("Functional", "Model", "Sequential", "TFOpLambda", "SlicingOpLambda", "ModuleWrapper")  # Keras 2's alone
HARMLESS = (  # parts of Keras that a network is made of
    "layers", "models", "optimizers", "losses", "metrics", "initializers", "regularizers", "constraints",
    "activations", "mixed_precision", "dtype_policies", "applications", "engine",
)  # fmt: skip
TOUCHING = ("io.", "raw_ops.", "train.", "saved_model.", "data.", "summary.", "py_func", "numpy_func")


def installed() -> bool:
    """Whether tf_keras can be found."""
    return importlib.util.find_spec(NAME) is not None


def load(file: File, module: str | None) -> Any:
    """The tf_keras.Model of a file, not compiled. Raises SuiteError as load_model does."""
    with legacy():
        tf_keras = _imported(file)
        known = custom_objects(module, NAME)
    config, names = substituted(file.config)
    described = dataclasses.replace(file, config=config)
    refuse_code(described, module)
    try:
        known |= functions_of(names, NAME)
        allowed.refuse(described, {*known, *tf_keras.saving.get_custom_objects()}, module, names_of(NAME))
        opened = rewritten(file, config, SUFFIXES[file.kind][0]) if names else named_as_keras_wants(file)
        with warnings.catch_warnings(), opened as path, _safe():
            warnings.simplefilter("ignore")
            return tf_keras.models.load_model(path, custom_objects=known, compile=False)
    except SuiteError:
        raise
    except Exception as error:  # a file that is damaged, or older than this version reads, fails in many ways
        raise SuiteError(refusals.reason(file, module, str(error), f"tf_keras {tf_keras.__version__}")) from None


@contextlib.contextmanager
def legacy() -> Iterator[None]:
    """Inside, `from tensorflow import keras` is Keras 2, as it was for the module that a user wrote for it.

    TensorFlow decides once a process, on first use. Nothing before a user's module uses it here.
    """
    before = os.environ.get(LEGACY)
    os.environ[LEGACY] = "1"
    try:
        yield
    finally:
        os.environ.pop(LEGACY)
        if before is not None:
            os.environ[LEGACY] = before


def refuse_code(file: File, module: str | None) -> None:
    """Raise SuiteError where a configuration holds Python code, or names what lies outside of Keras and `module`."""
    if refusals.python_code_in(file.config):
        raise SuiteError(refusals.python_code(file))
    own = module.partition(".")[0] if module else None
    for part in refusals.mappings(file.config):
        named = part.get("module")
        if isinstance(named, str) and "class_name" in part and not _is_harmless(named, own):
            name = str(part["config"] if part["class_name"] == "function" else part["class_name"])
            raise SuiteError(
                f"MODEL = {file.path} needs {name!r} of {named}, which Keras does not have and which is not imported "
                "on the word of a file: if it is yours, name the module that defines it, --module package.module"
            )
        called = part.get("function")
        if isinstance(called, str) and called.startswith(TOUCHING):
            raise SuiteError(
                f"MODEL = {file.path} calls tf.{called}, which reaches outside of the network: it is not loaded"
            )


def _is_harmless(module: str, own: str | None) -> bool:
    root, *rest = module.split(".")
    if root in (own, "builtins", "__main__", ""):
        return True  # a class of __main__ is found among a module's, or not at all
    if root not in ("keras", NAME):
        return False
    rest = rest[1:] if rest[:1] == ["src"] else rest
    return not rest or rest[0] in HARMLESS


def _imported(file: File) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(NAME)
    except Exception as error:  # one of another version than TensorFlow fails in many ways
        raise SuiteError(
            f"MODEL = {file.path} was saved by Keras {file.version}, and tf_keras, which loads it, cannot be imported: "
            f"{type(error).__name__}: {short(str(error))}; install the version of tf_keras that is TensorFlow's"
        ) from None


def _safe() -> AbstractContextManager[Any]:
    """tf_keras's own safe mode, which it enters for .keras files only."""
    with contextlib.suppress(ImportError):
        library = importlib.import_module(f"{NAME}.src.saving.serialization_lib")
        return library.SafeModeScope(True)
    return contextlib.nullcontext()

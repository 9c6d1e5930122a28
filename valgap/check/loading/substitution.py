"""Keras's own preprocess_input in place of its Python code, which Keras 2 writes into a file that calls it in a Lambda.

The file names the module that the function came from, so that nothing in it has to be run.
"""

import contextlib
import copy
import importlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from valgap.check.loading.files import CONFIG, File
from valgap.check.loading.own import PREPROCESS
from valgap.check.loading.refusals import mappings

SOURCE = re.compile(r"^(?:tf_keras|keras|tensorflow\.python\.keras)(?:\.src)?\.applications\.([a-z0-9_]+)$")


def substituted(config: Any) -> tuple[Any, dict[str, str]]:
    """A configuration with names in place of preprocess_input's code, and by name the module of each.

    `config` is left as it is; what is code of anything else stays code.
    """
    changed, names = copy.deepcopy(config), {}
    for part in mappings(changed):
        source = SOURCE.match(str(part.get("module")))
        if part.get("function_type") == "lambda" and source:
            name = f"{source[1]}_{PREPROCESS}"
            part.update(function=name, function_type="function")
            names[name] = source[1]
    return changed, names


def functions_of(names: dict[str, str], keras: str) -> dict[str, Callable[..., Any]]:
    """The functions of `substituted`'s names, from `keras` or `tf_keras`. Raises ImportError where it has no such."""
    return {
        name: getattr(importlib.import_module(f"{keras}.applications.{module}"), PREPROCESS)
        for name, module in names.items()
    }


@contextlib.contextmanager
def rewritten(file: File, config: Any, suffix: str) -> Iterator[str]:
    """The path of a copy of the file with another configuration of the network, gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"model{suffix}"
        if file.kind == "h5":
            import h5py

            shutil.copyfile(file.path, path)
            with h5py.File(path, "r+") as opened:
                opened.attrs["model_config"] = json.dumps(config)
        else:
            with zipfile.ZipFile(file.path) as source, zipfile.ZipFile(path, "w") as target:
                for name in source.namelist():
                    target.writestr(name, json.dumps(config) if name == CONFIG else source.read(name))
        yield str(path)

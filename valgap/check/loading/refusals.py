"""The true reason why a model does not load, from its file and from Keras's own words. Pure functions."""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from valgap.check.loading.files import File
from valgap.check.loading.own import PREPROCESS, short

UNKNOWN = re.compile(r"(?:Could not locate|Unknown) (?:class|function|layer|\w+)[: ]+'([^']+)'")
MEMORY = re.compile(r"\bOOM\b|MemoryError|Unable to allocate|ResourceExhausted|bad_alloc|[Cc]annot allocate memory")
APPLICATIONS = (  # how keras.applications names its networks, and the module of each; the first that fits
    ("mobilenetv2", "mobilenet_v2"), ("mobilenetv3", "mobilenet_v3"), ("mobilenet", "mobilenet"),
    ("efficientnetv2", "efficientnet_v2"), ("efficientnet", "efficientnet"), ("resnet-rs", "resnet_rs"),
    ("resnet50v2", "resnet_v2"), ("resnet101v2", "resnet_v2"), ("resnet152v2", "resnet_v2"),
    ("inception_resnet_v2", "inception_resnet_v2"), ("inception_v3", "inception_v3"), ("xception", "xception"),
    ("resnet", "resnet"), ("vgg16", "vgg16"), ("vgg19", "vgg19"), ("densenet", "densenet"), ("nasnet", "nasnet"),
    ("convnext", "convnext"), ("regnet", "regnet"),
)  # fmt: skip
OWN_LAYER = (
    "a model file from anywhere could do anything with it. Put that code into a layer of its own "
    "(keras.layers.Layer) in a module, save the model again, and name the module, --module package.module"
)


def reason(file: File, module: str | None, text: str, keras: str) -> str:
    """What to tell of a failure; `text` are the words of the Keras that failed, `keras` its name and version."""
    if found := UNKNOWN.search(text):
        name = found[1].rpartition(">")[2]
        if name == PREPROCESS and PREPROCESS in functions(file.config):
            return preprocessing(file, module)
        if module is None:
            which = f"Keras {file.version or 'before 2.0.5'}, which saved it," if file.of_keras2 else "Keras"
            return (
                f"MODEL = {file.path} needs {name!r}, which {which} does not have: name the module that defines it, "
                "--module package.module"
            )
        return (
            f"MODEL = {file.path} needs {name!r}, which --module = {module} neither defines nor registers: name another"
        )
    if "lambda" in text.lower() and "safe_mode" in text:
        return python_code(file)
    if MEMORY.search(text):
        return (
            f"MODEL = {file.path} needs more memory to load than this machine has, or than a file of its size explains "
            f"({short(text)}): free some; a model that was made to fill it is not worth it"
        )
    words = text.rpartition("Exception encountered: ")[2]  # the innermost, without the whole configuration
    by = f"Keras {file.version}" if file.version else "another version"
    return (
        f"MODEL = {file.path} is no model that {keras} can load ({short(words)}): it is damaged, or {by}, which saved "
        "it, writes it otherwise and must save it again"
    )


def python_code(file: File) -> str:
    """What to tell of a Lambda layer of Python code."""
    return f"MODEL = {file.path} holds a Lambda layer, whose Python code Keras's safe mode does not run: {OWN_LAYER}"


def preprocessing(file: File, module: str | None) -> str:
    """What to tell of Keras's own function for preprocessing in a Lambda layer, which files name without its module."""
    found = application(file.config)
    if module is not None:
        return (
            f"MODEL = {file.path} calls {PREPROCESS!r} in a Lambda layer, which --module = {module} does not define: "
            f"it is keras.applications.<network>.{PREPROCESS}; --module keras.applications.{found or 'mobilenet_v2'}"
        )
    ending = (
        f"; as its network seems to be that, --module keras.applications.{found}"
        if found
        else ", as in --module keras.applications.mobilenet_v2: each network divides and subtracts in its own way"
    )
    return (
        f"MODEL = {file.path} calls {PREPROCESS!r} in a Lambda layer: it is keras.applications.<network>.{PREPROCESS}, "
        f"and the file does not say of which network. Name that which training used{ending}"
    )


def keras2_needed(file: File, text: str) -> str:
    """What to tell where a file of Keras 2 does not load without tf_keras."""
    return (
        f"MODEL = {file.path} was saved by Keras {file.version or 'before 2.0.5'}, and Keras 3 cannot read all of it "
        f"({short(text.rpartition('Exception encountered: ')[2])}): pip install tf_keras, which is Keras 2, and run "
        "this again; nothing has to be saved anew"
    )


def application(config: Any) -> str | None:
    """The module of keras.applications whose network, by its name, is part of the model; None where none is."""
    names = [str(part["name"]).lower() for part in mappings(config) if isinstance(part.get("name"), str)]
    return next((module for name in names for prefix, module in APPLICATIONS if name.startswith(prefix)), None)


def functions(config: Any) -> set[str]:
    """Names of the functions that Lambda layers call, as Keras 3 and Keras 2 write them."""
    found = set()
    for part in mappings(config):
        function = part.get("function")
        if isinstance(function, dict):
            function = function.get("config")
        if isinstance(function, str):
            found.add(function)
    return found


def python_code_in(config: Any) -> bool:
    """Whether a configuration holds Python code of a Lambda layer, as Keras 3 and Keras 2 write it."""
    kinds = ("function_type", "output_shape_type", "mask_type")
    return any(
        part.get("class_name") == "__lambda__" or any(part.get(kind) == "lambda" for kind in kinds)
        for part in mappings(config)
    )


def mappings(config: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a configuration, itself first."""
    waiting = deque([config])
    while waiting:
        part = waiting.popleft()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part

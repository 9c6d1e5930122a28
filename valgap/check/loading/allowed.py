"""An allow list of what a model's file may ask Keras for, applied to its description before Keras reads that.

Keras's safe mode forbids some names; a file may name any other function that it exports, and has it called while the
network is built, with constants of the file. Here all is refused that is not known to be a part of networks.
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from valgap.check.loading import nodes
from valgap.check.loading.files import File
from valgap.check.loading.names import OF_FUNCTIONS, Names
from valgap.check.loading.refusals import python_code_in
from valgap.check.loading.tensorflow2 import OP_LAYERS, is_operation
from valgap.ground.errors import SuiteError

# Values that are no numbers, as Keras writes them; it makes them itself, of no module.
VALUES = frozenset({
    "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__", "TensorShape",
})  # fmt: skip
FILES = ("vocabulary", "vocabulary_file", "idf_weights", "filepath", "filename", "file_path", "path", "url")
CURE = (
    f"A network is made of Keras's layers, of functions of keras.{{{', '.join(OF_FUNCTIONS)}}} and of what --module "
    "defines. If it is your own, put that into a layer of your own and name its module; if not, docs/strangers.md"
)


class UnknownNameError(Exception):
    """A name that Keras does not know, in the words in which Keras itself says so."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """A file's path, the names of the user's own classes and functions, their package, and those of Keras."""

    file: File
    own: Collection[str]
    package: str | None
    names: Names

    def refused(self, what: str) -> SuiteError:
        """The error of a file that asks for what no network has."""
        return SuiteError(f"MODEL = {self.file.path} {what}: it is not loaded. {CURE}")


def refuse(file: File, own: Collection[str], module: str | None, names: Names) -> None:
    """Raise SuiteError where a description asks for what is on no list, UnknownNameError where no Keras knows the name.

    How the network was compiled is left out: it is not read.
    """
    config = {key: value for key, value in file.config.items() if key != "compile_config"}
    if python_code_in(config):
        raise UnknownNameError("a Lambda of Python code, which safe_mode does not run")
    asked = Asked(file, own, module.partition(".")[0] if module else None, names)
    with_inputs: list[Mapping[str, Any]] = []
    waiting: list[tuple[Any, bool]] = [(config, False)]  # parts, and whether they belong to a class of the user's
    while waiting:
        part, is_own = waiting.pop()
        if isinstance(part, list):
            waiting += [(value, is_own) for value in part]
        elif isinstance(part, dict):
            if "class_name" in part:
                is_own = _described(asked, part)
            elif not is_own:
                _values(asked, part)
            with_inputs += [part] if nodes.INPUTS in part and not is_own else []
            waiting += [(value, is_own) for value in part.values()]
    for part in with_inputs:  # last, for what a name says is the better word
        for text in nodes.texts(part[nodes.INPUTS]):
            raise asked.refused(f"gives the text {text!r} to the layer {part.get('name')!r} as an input, not numbers")


def _described(asked: Asked, part: Mapping[str, Any]) -> bool:
    """Whether what a mapping describes is the user's own. Raises on what no network holds."""
    kind, module = part["class_name"], part.get("module")
    if not isinstance(kind, str) or not isinstance(module, str | None):
        raise asked.refused(f"describes an object of the class {kind!r} in the module {module!r}")
    if kind in VALUES:
        return False
    if kind == "function":
        return _function(asked, part, module)
    registered = part.get("registered_name")
    name = registered if isinstance(registered, str) else kind
    if name in asked.own and (kind in asked.own or name.endswith(f">{kind}") or not asked.names.is_other(kind)):
        return True
    if _of(asked.package, module):
        if asked.names.is_other(kind) and kind not in asked.own:
            raise _other(asked, module, kind)
        return True
    if asked.names.is_other(name) and not asked.names.is_class(module, kind):
        raise _other(asked, module, name)
    if kind in OP_LAYERS and asked.names.root != "keras":
        called = part.get("config", {}).get("function") if isinstance(part.get("config"), dict) else None
        if isinstance(called, str) and not is_operation(called):
            raise asked.refused(f"calls tf.{called}, which may reach outside of the network")
        return True  # its inputs may be texts, such as the name of a padding
    if not asked.names.is_class(module or None, kind):
        raise _other(asked, module, kind) if asked.names.is_other(kind) else _unknown("class", kind)
    return False


def _function(asked: Asked, part: Mapping[str, Any], module: str | None) -> bool:
    name, registered = part.get("config"), part.get("registered_name")
    if not isinstance(name, str):
        raise asked.refused("describes a function without a name")
    tails = {each.rpartition(">")[2] for each in asked.own}
    for each in {name, registered if isinstance(registered, str) and registered != "function" else name}:
        if each in asked.own or each in tails:
            continue
        if asked.names.is_other(each) or _is_class(asked, module, each):
            raise _other(asked, module, each)
        if not asked.names.is_function(module or None, each):
            known = asked.names.is_function(None, each)
            raise _other(asked, module, each) if known and module else _unknown("function", each)
    return False


def _is_class(asked: Asked, module: str | None, name: str) -> bool:
    """Whether a function's name is that of a class, which would be called to make an object of the file's constants."""
    return not asked.names.is_function(module, name) and name in asked.names.classes


def _values(asked: Asked, part: Mapping[str, Any]) -> None:
    """Refuse values that Keras takes for files, or for functions that make objects."""
    for key, value in part.items():
        if isinstance(value, str) and key in FILES:
            raise asked.refused(f"would read {value!r} as its {key}")
        if isinstance(value, str) and key != "name" and value in ("deserialize", "serialize"):
            raise _other(asked, None, value)


def _of(package: str | None, module: str | None) -> bool:
    return package is not None and package not in ("keras", "tf_keras") and (module or "").partition(".")[0] == package


def _other(asked: Asked, module: str | None, name: str) -> SuiteError:
    named = name if module in (None, "", "builtins") else f"{module}.{name}"
    return asked.refused(f"names {named!r}, which is no part of a network, and which Keras would call or make")


def _unknown(kind: str, name: str) -> UnknownNameError:
    return UnknownNameError(f"Could not locate {kind} '{name}'")

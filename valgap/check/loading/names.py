"""Names by which a model's file may call parts of Keras, found in Keras itself. Needs Keras or tf_keras imported."""

import dataclasses
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from valgap.check.loading.own import PREPROCESS

OF_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "ops", "regularizers")
OF_CLASSES = (
    *OF_FUNCTIONS, "dtype_policies", "layers", "mixed_precision", "models", "optimizers", "quantizers", "random",
)  # fmt: skip
# Where the classes of a network may be defined in Keras's source; `engine` is of Keras 2, applications hold layers.
SOURCES = (*OF_CLASSES, "applications", "engine")
MAKING = frozenset({"get", "serialize", "deserialize", "from_config"})  # they make objects of a description
# Layers around a program in a file or of another library, whatever module a version of Keras defines them in.
AROUND_PROGRAMS = frozenset({"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "KerasFileEditor"})
UNLISTED = ("Functional",)  # written into every file of a functional network, and not exported


@dataclasses.dataclass(frozen=True)
class Names:
    """What one Keras knows under which names.

    `functions` and `classes` are those of which networks are made, functions by module below `keras`. `others` are the
    last parts of all names that mean something else in it.
    """

    root: str
    functions: dict[str, frozenset[str]]
    classes: frozenset[str]
    others: frozenset[str]

    def is_function(self, module: str | None, name: str) -> bool:
        """Whether a network may call the function of that name in a module, None and builtins for any."""
        part = _below(module, self.root)
        if part is None:
            return module in (None, "builtins") and any(name in names for names in self.functions.values())
        return name in self.functions.get(part, frozenset()) or name in self.functions.get(_room(part), frozenset())

    def is_class(self, module: str | None, name: str) -> bool:
        """Whether a network may hold an object of the class of that name, in a module or, for None, in any."""
        part = _below(module, self.root)
        if part is None:
            return module in (None, "builtins") and name in self.classes
        if part and _room(part) not in SOURCES:
            return False
        found = sys.modules.get(".".join([self.root, *(module or "").split(".")[1:]]))
        if found is None:  # a name of Keras 2's own modules, which tf_keras takes too; nothing is imported for a file
            return name in self.classes and self.root != "keras"
        return _is_part(vars(found).get(name), self.root)

    def is_other(self, name: str) -> bool:
        """Whether it names something of Keras that is no part of a network."""
        return name in self.others or name in AROUND_PROGRAMS


@functools.cache
def names_of(root: str) -> Names:
    """The names of `keras` or `tf_keras`, which is imported."""
    keras = importlib.import_module(root)
    functions = {}
    for part in OF_FUNCTIONS:
        for path, module in _modules(keras, part):
            functions[path] = frozenset(name for name, _ in _members(module, _is_plain))
        functions.setdefault(part, frozenset())
        functions[part] |= _aliases(root, part)
    classes, others = set(UNLISTED), set[str]()
    for path, module in ((path, module) for part in _parts(keras) for path, module in _modules(keras, part)):
        for name, value in vars(module).items():
            if not name.startswith("_") and callable(value):
                fits = path.partition(".")[0] in OF_CLASSES and _is_part(value, root)
                (classes if fits else others).add(name)
    known = [*vars(keras).items(), *_makeable(root)]
    classes |= {each for name, value in known if _is_part(value, root) for each in (name, value.__name__)}
    allowed = classes | {name for names in functions.values() for name in names}
    return Names(root, functions, frozenset(classes), frozenset(others - allowed - {PREPROCESS} | MAKING))


def _below(module: str | None, root: str) -> str | None:
    """What stands below Keras in a module's name, without `src`; None where it is not Keras's."""
    first, *rest = (module or "").split(".")
    if first not in ("keras", root):
        return None
    return ".".join(rest[1:] if rest[:1] == ["src"] else rest)


def _room(part: str) -> str:
    return part.partition(".")[0]


def _parts(keras: ModuleType) -> list[str]:
    return [name for name, value in vars(keras).items() if inspect.ismodule(value) and not name.startswith("_")]


def _modules(keras: ModuleType, part: str) -> Iterator[tuple[str, ModuleType]]:
    """A public part of Keras and the parts within it, by their path below Keras."""
    waiting = [(part, getattr(keras, part, None))]
    while waiting:
        path, module = waiting.pop()
        if inspect.ismodule(module) and path.count(".") < 3:
            yield path, module
            own = (each for each in vars(module).items() if inspect.ismodule(each[1]) and not each[0].startswith("_"))
            waiting += [(f"{path}.{name}", value) for name, value in own if path.partition(".")[0] != "src"]


def _members(module: ModuleType, fits: Callable[[Any], bool]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in vars(module).items() if name not in MAKING and fits(value))


def _is_plain(value: Any) -> bool:
    return callable(value) and not inspect.isclass(value) and not inspect.ismodule(value)


def _aliases(root: str, part: str) -> frozenset[str]:
    """Names by which Keras takes functions of a part, beside those that it exports, such as swish."""
    known = vars(sys.modules.get(f"{root}.src.{part}", sys)).get("ALL_OBJECTS_DICT", {})
    return frozenset(name for name, value in known.items() if isinstance(name, str) and _is_plain(value))


def _makeable(root: str) -> Iterator[tuple[str, Any]]:
    """Where layers are found by their names in HDF5 files, in Keras 3 and in Keras 2, which lists them on demand."""
    yield from vars(sys.modules[f"{root}.src.layers"]).items()
    library = sys.modules.get(f"{root}.src.layers.serialization")
    if library is not None:
        library.populate_deserializable_objects()
        yield from library.LOCAL.ALL_OBJECTS.items()


def _is_part(value: Any, root: str) -> bool:
    """Whether it is a class that Keras defines among those of which networks are made."""
    if not inspect.isclass(value) or any(base.__name__ in AROUND_PROGRAMS for base in value.__mro__):
        return False
    part = _below(value.__module__, root)
    return part is not None and _room(part) in SOURCES

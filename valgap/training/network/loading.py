"""A user's builder and weights, below model.files: found, imported, called.

What lies outside model.files would escape DVC: an edit of it would retrain nothing. So it is refused.
"""

import contextlib
import difflib
import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import keras

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Model
from valgap.training.network.contract import Builder, Knobs, Shape, first_words, refusal

LOCKING = (
    "install it and add it to requirements-train.txt; in a clone of the suite by requirements-train.in and `make lock`"
)


def weights_path(architecture: Model) -> str | None:
    """Path of the file that model.weights names below model.files; `random` and None as they are.

    Raises SuiteError when the file is missing or lies elsewhere.
    """
    if architecture.weights in (None, "random"):
        return architecture.weights
    files = Path(architecture.files)
    path = files if files.is_file() and files.name == architecture.weights else files / str(architecture.weights)
    if not path.is_file():
        raise SuiteError(
            f"model.weights = {architecture.weights} is no file below model.files = {architecture.files}; "
            "put it there, or write `random`"
        )
    if not _is_below(path, files):
        raise SuiteError(
            f"model.weights = {architecture.weights} leads out of model.files = {architecture.files}; "
            "put it below, where DVC sees it change"
        )
    return path.as_posix()


def user_builder(architecture: Model) -> Builder:
    """The function that `package.module:function` names, with its errors worded.

    The current directory is importable. Raises SuiteError when module or function are not there, when the
    import fails, or when it reads code of the repository outside model.files.
    """
    name, _, function_name = architecture.builder.partition(":")
    module = _imported(name, architecture)
    function = getattr(module, function_name, None)
    if not callable(function):
        functions = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        close = difflib.get_close_matches(function_name, functions, n=3, cutoff=0.4)
        hint = f"define def {function_name}(input_shape, classes, knobs)"
        if close:
            hint = f"did you mean {' or '.join(close)}?"
        raise refusal(architecture.builder, f"{module.__file__} has no function {function_name}", hint)

    def build(input_shape: Shape, classes: int, knobs: Knobs) -> keras.Model:
        try:
            with _no_downloads(architecture.builder):
                return function(input_shape, classes, knobs)
        except SuiteError:
            raise
        except Exception as error:
            what = f"build{input_shape, classes, knobs} raised {_where(error, architecture)}"
            cure = "mend it; the contract is in valgap/training/network/contract.py"
            raise refusal(architecture.builder, what, cure) from None

    return build


def _imported(name: str, architecture: Model) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        with _no_downloads(architecture.builder):
            module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        _refuse_missing(error, name, architecture)
    except SuiteError:
        raise
    except Exception as error:
        what = f"its import raised {_where(error, architecture)}"
        cure = f"mend it: `python -c 'import {name}'` shows the whole of it"
        raise refusal(architecture.builder, what, cure) from None
    for other in {name, *set(sys.modules) - before}:
        _refuse_outside(sys.modules.get(other), architecture)
    return module


def _refuse_missing(error: ModuleNotFoundError, name: str, architecture: Model) -> NoReturn:
    missing = error.name or str(error)
    if name == missing or name.startswith(f"{missing}."):
        what = f"there is no module {missing} in {Path.cwd()}"
        raise refusal(architecture.builder, what, "name it as Python imports it from the repository's root") from None
    where = _where(error, architecture)
    if (Path.cwd() / missing.split(".")[0]).with_suffix("").exists() or Path(f"{missing.split('.')[0]}.py").exists():
        raise refusal(architecture.builder, f"its import raised {where}", "name modules from the repository's root")
    raise refusal(architecture.builder, f"it imports {missing}, which is not installed ({where})", LOCKING) from None


def _refuse_outside(module: ModuleType | None, architecture: Model) -> None:
    """Raise SuiteError on a module of the repository that is not installed, nor below files, nor watched anyway."""
    file = getattr(module, "__file__", None)
    if file is None:
        return
    path = Path(file).resolve()
    faces = path.name == "__init__.py" and path.is_relative_to(paths.PACKAGE)
    if faces or any(path.is_relative_to(code) for code in (paths.TRAINING_CODE, paths.PACKAGE / "ground")):
        return
    installed = any(part in ("site-packages", "dist-packages") for part in path.parts)
    if path.is_relative_to(Path.cwd().resolve()) and not installed and not _is_below(path, Path(architecture.files)):
        what = f"it reads {_short(file)}, outside model.files = {architecture.files}"
        cure = "set model.files to the folder that holds all of its files: DVC retrains when it changes"
        raise refusal(architecture.builder, what, cure)


def _where(error: BaseException, architecture: Model) -> str:
    """What an error says, and the last line of the user's own files that it went through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{first_words(error)} ({_short(error.filename)}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_below(Path(frame.filename), Path(architecture.files))]
    frame = (own or frames)[-1]
    return f"{first_words(error)} ({_short(frame.filename)}:{frame.lineno})"


def _short(file: str) -> str:
    path = Path(file).resolve()
    return (path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path).as_posix()


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


@contextlib.contextmanager
def _no_downloads(builder: str) -> Iterator[None]:
    """Inside, Keras's downloads are refused, also of what it cached: DVC would not see such weights change."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        file = args[0] if args else kwargs.get("fname")
        cure = "save the weights below model.files, name them in model.weights and load knobs.weights"
        raise refusal(builder, f"it downloads {file}", cure)

    modules: list[Any] = [importlib.import_module("keras.src.utils.file_utils"), keras.utils]
    originals: list[Callable[..., Any]] = [module.get_file for module in modules]
    for module in modules:
        module.get_file = refuse
    try:
        yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            module.get_file = original

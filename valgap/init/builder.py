"""Block `model`: a builder as the command line names it, with the files that DVC is to watch."""

import dataclasses
from pathlib import Path

from valgap.ground.calls import in_clone
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Model
from valgap.ground.params.questions import FILL_IN
from valgap.ground.params.schema import ParamsError, parse
from valgap.ground.records import Plain
from valgap.pipeline import library

IN_THE_BOX = ("cnn", "resnet")
APPLICATION = "applications:"
NAMES = f"{', '.join(IN_THE_BOX)}, {APPLICATION}<name in keras.applications>, package.module:function"


@dataclasses.dataclass(frozen=True)
class Builder:
    """The keys of block `model` as they are written, and the model that is tried: random where weights are asked."""

    keys: Plain
    tried: Model

    @property
    def own(self) -> bool:
        """Whether it is the suite's small CNN."""
        return self.keys["builder"] == "cnn"

    @property
    def pretrained(self) -> bool:
        """Whether it starts from weights, or is of a kind that does."""
        return self.keys.get("weights") not in (None, "random")


def builder_of(name: str, weights: str | None, files: str | None) -> Builder:
    """The builder of that name, its weights (a file, or `random`) and files.

    Weights that a network of keras.applications needs and nobody named are a question. Raises SuiteError on a name that
    is none, and on files that are not there.
    """
    keys: Plain = {"builder": name, "files": files or _files_of(name, weights)}
    if weights:
        keys["weights"] = weights if weights == "random" else _below(Path(weights), Path(keys["files"]))
    elif name.startswith(APPLICATION):
        keys["weights"] = FILL_IN
    if not Path(keys["files"]).exists() and keys["files"] != suites_own():
        raise SuiteError(f"--files {keys['files']}: there is no such folder or file")
    tried = {"weights": None} | keys | ({"weights": "random"} if keys.get("weights") == FILL_IN else {})
    try:
        return Builder(keys, parse(Model, tried, "model"))
    except ParamsError:
        raise SuiteError(f"--model {name} is no builder (allowed: {NAMES})") from None


def suites_own() -> str:
    """What is watched where a builder of the suite's own reads no file: its code, or the digest of that."""
    return "valgap/training" if in_clone() else library.TRAINING.as_posix()


def _files_of(name: str, weights: str | None) -> str:
    """The package that holds a user's function, or its module; of others the folder of the weights."""
    module, _, function = name.partition(":")
    if name in IN_THE_BOX or name.startswith(APPLICATION) or not function:
        return suites_own() if weights in (None, "random") else str(Path(str(weights)).parent)
    top, *below = module.split(".")
    folder, file = Path(top), Path(f"{top}.py")
    if folder.is_dir() and (below or not file.is_file()):
        return folder.as_posix()
    if file.is_file() and not below:
        return file.as_posix()
    missing = "/".join((top, *below))
    raise SuiteError(
        f"--model {name}: there is no {missing}.py here; name it as Python imports it from {Path.cwd()}, such as "
        "my.net:build for the function build in my/net.py"
    )


def _below(weights: Path, files: Path) -> str:
    """The weights' path below the files. Raises SuiteError where they are no file, or lie elsewhere."""
    if not weights.is_file():
        raise SuiteError(f"--weights {weights}: there is no such file; `random` is none")
    if files.is_file() or not weights.resolve().is_relative_to(files.resolve()):
        raise SuiteError(f"--weights {weights}: it must lie below --files {files}, which DVC watches")
    return weights.resolve().relative_to(files.resolve()).as_posix()

"""What a file of a model is, by looking into it. Reads the first bytes, archive listings and HDF5 attributes alone."""

import contextlib
import dataclasses
import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from valgap.check.loading import limits
from valgap.ground.errors import SuiteError

HDF5 = b"\x89HDF\r\n\x1a\n"  # signature, https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html, section II.A
HDF5_PLACES = (0, 512, 1024, 2048)  # a user block of so many bytes may stand before it
ZIP = b"PK\x03\x04"
PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
CONFIG, METADATA = "config.json", "metadata.json"
SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
SUFFIXES = {"keras": (".keras",), "h5": (".h5", ".hdf5")}  # by which Keras tells formats
LARGEST_CONFIG = 256 * 2**20  # bytes; one of a network of a thousand layers has 1 MiB
SAVE = "save it as one file, `model.save('my.keras')`"
FORMATS = "a .keras file, an HDF5 file or a SavedModel folder"
WEIGHTS = f"holds weights alone, no network: {SAVE}, or build the network, load the weights into it, and then do so"


@dataclasses.dataclass(frozen=True)
class File:
    """A model's file: how it is read, the version of Keras that wrote it, None where it does not say, its config.

    `config` is the network's as Keras wrote it, empty for a SavedModel; `training` that of `compile`, None where the
    file has none.
    """

    path: Path
    kind: Literal["keras", "h5", "saved_model"]
    version: str | None = None
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    training: Mapping[str, Any] | None = None

    @property
    def of_keras2(self) -> bool:
        """Whether a Keras before 3 wrote it. HDF5 files without a version are older than Keras 2.0.5."""
        major = (self.version or "1").partition(".")[0]
        return self.kind != "saved_model" and (not major.isdecimal() or int(major) < 3)


def check_file(path: Path) -> None:
    """Raise SuiteError unless `path` is a model's file or folder."""
    look_into(path)


def check_outside(path: Path) -> None:
    """The same as far as it can be told without HDF5, whose library a crafted file can break: the rest is the box's."""
    look_into(path, hdf5=False)


def look_into(path: Path, hdf5: bool = True) -> File:
    """What kind of model lies at `path`. Raises SuiteError where it is none, saying what it is instead.

    Without `hdf5` a file of that format is told by its first bytes alone.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise SuiteError(f"MODEL = {path} does not exist{_near(path)}") from None
    except OSError as error:
        raise SuiteError(f"MODEL = {path} cannot be read: {error.strerror}; check its owner and rights") from None
    if stat.S_ISDIR(mode):
        return _folder(path)
    if not stat.S_ISREG(mode):
        raise SuiteError(f"MODEL = {path} is no regular file but a pipe, a device or a socket: give {FORMATS}")
    try:
        with path.open("rb") as file:
            first = file.read(HDF5_PLACES[-1] + len(HDF5))
    except OSError as error:
        raise SuiteError(f"MODEL = {path} cannot be read: {error.strerror}; check its owner and rights") from None
    if first.startswith(ZIP):
        return _archive(path)
    if any(first[place:].startswith(HDF5) for place in HDF5_PLACES):
        return _hdf5(path) if hdf5 else File(path, "h5")
    raise SuiteError(f"MODEL = {path} {_other(path, first)}")


@contextlib.contextmanager
def named_as_keras_wants(file: File) -> Iterator[str]:
    """The path of the file by a name whose suffix says what it is: Keras goes by that.

    It is a link in a folder of its own, for Keras unpacks large weights beside the file.
    """
    if file.path.is_dir():
        yield str(file.path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        link = Path(scratch) / f"model{SUFFIXES[file.kind][0]}"
        try:
            os.symlink(file.path.resolve(), link)
        except OSError:  # where links are a privilege
            shutil.copyfile(file.path, link)
        yield str(link)


def _near(path: Path) -> str:
    """A TensorFlow checkpoint is named without the suffixes of its files."""
    if path.with_name(f"{path.name}.index").is_file():
        return f": it names a checkpoint of TensorFlow, which {WEIGHTS}"
    return ""


def _folder(path: Path) -> File:
    if any((path / name).is_file() for name in SAVED_MODEL):
        limits.refuse_special(path)
        return File(path, "saved_model")
    if (path / CONFIG).is_file() and (path / METADATA).is_file():  # model.save(..., zipped=False)
        limits.refuse_special(path)
        _refuse_large(path, [(path / name).stat().st_size for name in (CONFIG, METADATA)])
        texts = {name: (path / name).read_bytes() for name in (CONFIG, METADATA)}
        return _keras(path, texts)
    if list(path.glob("*.index")) or (path / "checkpoint").is_file():
        raise SuiteError(f"MODEL = {path} is a folder of TensorFlow checkpoints, which {WEIGHTS}")
    raise SuiteError(f"MODEL = {path} is a folder, which holds no saved_model.pb: give {FORMATS}")


def _archive(path: Path) -> File:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if CONFIG in names:
                limits.refuse_bomb(path, archive)
                sizes = {name: archive.getinfo(name).file_size for name in (CONFIG, METADATA) if name in names}
                _refuse_large(path, sizes.values())
                return _keras(path, {name: archive.read(name) for name in sizes})
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SuiteError(_damaged(path, f"a .keras file that is cut off or damaged, {error}")) from None
    if any(name.endswith(".weights.h5") for name in names):
        raise SuiteError(f"MODEL = {path} {WEIGHTS}")
    if any(name.endswith("data.pkl") for name in names):
        raise SuiteError(f"MODEL = {path} is a file of PyTorch: this check takes models of Keras")
    if any(Path(name).name in SAVED_MODEL for name in names):
        raise SuiteError(f"MODEL = {path} is an archive of a SavedModel folder: unpack it, and give the folder")
    raise SuiteError(f"MODEL = {path} is an archive without a {CONFIG}, so no saved model: give {FORMATS}")


def _refuse_large(path: Path, sizes: Iterable[int]) -> None:
    if max(sizes) > LARGEST_CONFIG:
        raise SuiteError(f"MODEL = {path} has a {CONFIG} of over {LARGEST_CONFIG:,} bytes: it is no model")


def _parsed(path: Path, texts: Iterable[Any]) -> Iterator[Any]:
    """The JSON of each text. Raises ValueError or TypeError on what is none, SuiteError on what nests without end."""
    for text in texts:
        try:
            parsed = json.loads(text)
        except RecursionError:
            raise SuiteError(limits.too_deep(path)) from None
        limits.refuse_deep(path, parsed)
        yield parsed


def _keras(path: Path, texts: Mapping[str, bytes]) -> File:
    try:
        config, metadata = _parsed(path, (texts.get(name, b"{}") for name in (CONFIG, METADATA)))
    except ValueError as error:
        raise SuiteError(_damaged(path, f"a .keras file whose description is damaged, {error}")) from None
    if not isinstance(config, dict) or not isinstance(metadata, dict):
        raise SuiteError(_damaged(path, "a .keras file whose description is no mapping"))
    version = metadata.get("keras_version")
    training = config.get("compile_config")
    return File(path, "keras", str(version) if version else None, config, _mapping(training))


def _mapping(training: Any) -> Mapping[str, Any] | None:
    return training if isinstance(training, dict) and training else None


def _hdf5(path: Path) -> File:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names, attributes = set(file), {name: file.attrs[name] for name in _known(file.attrs)}
    except Exception as error:  # h5py answers damage in many ways
        raise SuiteError(_damaged(path, f"an HDF5 file that is cut off or damaged, {_line(error)}")) from None
    if "model_config" not in attributes:
        if "layer_names" in attributes or names & {"layers", "_layer_checkpoint_dependencies", "vars", "model_weights"}:
            raise SuiteError(f"MODEL = {path} {WEIGHTS}")
        raise SuiteError(f"MODEL = {path} is an HDF5 file without a network in it: give {FORMATS}")
    try:
        texts = (attributes.get(name, "null") for name in ("model_config", "training_config"))
        config, training = _parsed(path, texts)
    except (ValueError, TypeError) as error:
        raise SuiteError(_damaged(path, f"an HDF5 file whose description is damaged, {error}")) from None
    version = attributes.get("keras_version")
    version = version.decode() if isinstance(version, bytes) else version
    known = config if isinstance(config, dict) else {}
    return File(path, "h5", str(version) if version else None, known, _mapping(training))


def _known(attributes: Any) -> list[str]:
    return [name for name in ("model_config", "training_config", "keras_version", "layer_names") if name in attributes]


def _other(path: Path, first: bytes) -> str:
    """What a file that is no model is, by its bytes and only then by its name."""
    if not first:
        return "is empty: it was not written to its end; copy or save it again"
    if first[4:8] == b"TFL3":
        return f"is a TensorFlow Lite model, which holds no Keras network: {SAVE}, in the program that made it"
    if path.name in SAVED_MODEL:
        return f"is the graph of a SavedModel: give the folder that holds it, {path.parent}"
    if path.suffix == ".pb":
        return f"is a frozen graph of TensorFlow, which holds no Keras network: {SAVE}, in the program that made it"
    if path.suffix == ".onnx":
        return f"is an ONNX model, which holds no Keras network: {SAVE}, in the program that made it"
    if path.suffix == ".index" or ".data-0000" in path.name:
        return f"is part of a checkpoint of TensorFlow, which {WEIGHTS}"
    if first.startswith(PICKLE) or path.suffix in (".pkl", ".pickle", ".joblib", ".pt", ".pth"):
        return f"is a pickle, which is not opened, as it could run anything: {SAVE}, in the program that made it"
    if first.lstrip().startswith((b"{", b"[")) and b"class_name" in first:
        return f"describes a network without its weights: build it, load them, and {SAVE}"
    if first.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the file itself: `git lfs pull` fetches it"
    if first.lstrip()[:1] == b"<":
        return "is a web page, not the file that it was to lead to: download it again"
    if path.suffix in (".keras", ".h5", ".hdf5"):
        return f"is no model that Keras can load: it begins neither as a .keras nor as an HDF5 file does; {SAVE}"
    return f"is not a saved model (allowed: {FORMATS}): {SAVE}"


def _damaged(path: Path, what: str) -> str:
    return f"MODEL = {path} is no model that Keras can load, but {what}: copy it again, or save it again"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

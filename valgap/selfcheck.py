"""`make self-check`, and the first thing in a container: can this machine train here? One line, or what is in the way.

Reads params.yaml (compute), .dvc/config, the lock files and what the machine says of itself; writes nothing.
TensorFlow is imported only where a GPU is to be used, to see that it does see one.
"""

import configparser
import ctypes
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from valgap.cli.workspace import InWorkspace
from valgap.compute import environment, placement
from valgap.ground import host, paths
from valgap.ground.calls import in_clone
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Compute
from valgap.ground.params.schema import parse, read_yaml
from valgap.training.tensorflow import start_tensorflow

CUDA_LIBRARIES = (  # what TensorFlow opens by name at its start, or on first use; the driver's own are not among them
    "libcudart.so.12",
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libcudnn.so.9",
    "libcufft.so.11",
    "libcupti.so.12",
    "libcurand.so.10",
    "libcusolver.so.11",
    "libcusparse.so.12",
    "libnccl.so.2",
    "libnvJitLink.so.12",
    "libnvrtc.so.12",
)
DRIVER_LIBRARY = "libcuda.so.1"
SHARED_MEMORY = Path("/dev/shm")
LEAST_SHARED_MEMORY = 2**24  # bytes free: the semaphores between training processes lie there


def line(compute: Compute, device: str) -> str:
    """What the machine is, in one line: image, TensorFlow, device, cores, memory, and where replicates run."""
    image = os.environ.get("SUITE_IMAGE")
    where = f"image {image} {environment.image_revision()[:12]}" if image else "no image"
    shown = host.gpu_model() if device == "gpu" else "cpu"
    return (
        f"{where}, TensorFlow {importlib.metadata.version('tensorflow')}, device {shown}, "
        f"{host.usable_cores()} cores, {host.memory() / host.GIB:.1f} GiB: {placement.explain(compute)}"
    )


def faults(compute: Compute, device: str) -> Iterator[str]:
    """What is in the way of training here, each with its cure."""
    yield from workspace(Path())
    yield from file_systems(Path())
    yield from shared_memory(SHARED_MEMORY)
    if device == "gpu":
        if not host.visible_gpus():
            yield placement.HIDDEN
        yield from gpu(compute)


def workspace(folder: Path) -> Iterator[str]:
    """A folder that is another user's, or no clone that Git can read from here."""
    owner, user = folder.stat().st_uid, os.geteuid()
    if user not in (0, owner) or (user == 0 and owner != 0):
        yield (
            f"this folder belongs to user {owner}, and you are user {user}: DVC and Git would refuse it, or leave "
            "files that its owner cannot change; leave out `docker run --user`, or give "
            f"`--user {owner}:{folder.stat().st_gid}`"
        )
    git = folder / ".git"
    if not git.exists():
        yield "this folder is no Git clone (.git is missing), and DVC needs one: start from a `git clone` of the suite"
    elif git.is_file():  # of a worktree: the rest lies elsewhere
        target = Path(git.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
        if not (folder / target).exists():
            yield f".git points to {target}, which is not mounted here: this is a worktree, start from a whole clone"


def file_systems(folder: Path) -> Iterator[str]:
    """A store, runs or cache on another file system than the workspace: what is renamed or linked must share one."""
    here = _device(folder)
    for path in (paths.STORE, paths.RUNS, paths.PREPARED):
        if _device(folder / path) != here:
            yield (
                f"{path} lies on another file system than the workspace, and finished work is moved by renaming: "
                "mount the workspace as a whole, without a volume of its own for it"
            )


def notes(folder: Path, installed_in: Path) -> Iterator[str]:
    """What is in nobody's way, but will cost or surprise; `installed_in` is the environment of this interpreter."""
    cache = dvc_cache(folder)
    if _device(cache) != _device(folder):
        yield (
            f"DVC's cache {cache} lies on another file system than the workspace: every output is copied there, never "
            "linked; `dvc config --unset cache.dir`, or keep both on one volume"
        )
    installed, wanted = installed_in / "requirements.installed", folder / "requirements.txt"
    if in_clone() and installed.exists() and installed.read_bytes() != wanted.read_bytes():
        cure = "rebuild the image with `make image`" if environment.image_revision() else "run `make setup`"
        yield f"{wanted} is not the one that {installed_in} was made from: {cure}"


def dvc_cache(folder: Path) -> Path:
    """Where DVC's cache lies, as .dvc/config.local or .dvc/config says. Raises SuiteError when one is malformed."""
    for name in ("config.local", "config"):
        path, config = folder / ".dvc" / name, configparser.ConfigParser(interpolation=None)
        try:
            config.read(path, encoding="utf-8")
        except configparser.Error as error:
            raise SuiteError(f"{path} cannot be read: {error}; `git checkout -- {path}`, or mend it") from None
        if location := config.get("cache", "dir", fallback=""):
            return folder / ".dvc" / os.path.expanduser(location.strip("\"'"))
    return folder / ".dvc/cache"


def shared_memory(mount: Path, least: int = LEAST_SHARED_MEMORY) -> Iterator[str]:
    """Less shared memory than the training processes need."""
    free = shutil.disk_usage(mount).free if mount.exists() else 0
    if free < least:
        yield (
            f"{mount} has {free / 2**20:.0f} MiB free, training processes need {least / 2**20:.0f}: "
            "`docker run --shm-size=256m`, or --ipc=host"
        )


def gpu(compute: Compute, libraries: tuple[str, ...] = CUDA_LIBRARIES) -> Iterator[str]:
    """A GPU that was asked for, or that auto found, and that cannot be used."""
    if not host.NVIDIA_DEVICE.exists():
        yield (
            f"compute.device = gpu, but {host.NVIDIA_DEVICE} is missing, so no NVIDIA GPU is visible: start with "
            "`docker run --gpus all` on a host with the NVIDIA driver and container toolkit, or set compute.device to "
            "auto or cpu"
        )
        return
    found = f"compute.device = {compute.device}, a GPU is there"
    if closed := [name for name in libraries if not opens(name)]:
        yield (
            f"{found}, but {', '.join(closed)} cannot be opened: take the image of `make image-gpu`, or set "
            "compute.device to cpu"
        )
    if not opens(DRIVER_LIBRARY):
        yield (
            f"{found}, but the driver's {DRIVER_LIBRARY} cannot be opened: install the NVIDIA container toolkit on the "
            "host and start with `docker run --gpus all`, or set compute.device to cpu"
        )


def opens(library: str) -> bool:
    """Whether the loader finds a library by name."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _device(path: Path) -> int:
    """Of the path, or of the nearest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path.stat().st_dev


@click.command(cls=InWorkspace, epilog="Example: valgap selfcheck")
def command() -> None:
    """Say in a line what this machine is and where replicates would run, or what is in the way of training here."""
    compute = parse(Compute, read_yaml(paths.PARAMS).get("compute") or {}, "compute")
    device = host.device_kind(compute)
    print(line(compute, device), flush=True)
    for note in notes(Path(), Path(sys.prefix)):
        print(f"note: {note}", flush=True)
    if found := list(faults(compute, device)):
        raise SuiteError("\nerror: ".join(found))
    environment.check_installed()
    if device == "gpu":
        start_tensorflow(device)

"""On what numbers are made: versions, device, and whether they are the locked ones. Imports no TensorFlow."""

import importlib.metadata
import os
import platform
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from valgap.ground import host, paths
from valgap.ground.calls import in_clone
from valgap.ground.errors import SuiteError

REPORTED = ("tensorflow", "keras", "numpy")
REPORTED_ON_GPU = ("nvidia-cudnn-cu12", "nvidia-cublas-cu12")


def image_revision() -> str:
    """Revision of the container image that this runs in, as its build was told; empty outside of one."""
    return os.environ.get("SUITE_IMAGE_REVISION", "")


def environment(device: str) -> dict[str, str]:
    """Versions, processor, GPU and image that decide a run's bits. No host name, no date."""
    content = {
        "python": platform.python_version(),
        **{name: _version(name) for name in REPORTED},
        "device": device,
        "processor": host.processor(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if device == "gpu":
        content |= {"gpu": host.gpu_model()} | {name: _version(name) for name in REPORTED_ON_GPU}
    return content | ({"image": image_revision()} if image_revision() else {})


def check_installed(lock: Path = paths.TRAINING_LOCK) -> None:
    """Raise SuiteError when an installed package is not the version that the training lock names."""
    if wrong := differences(lock_text(lock), lock.as_posix()):
        cure = "run `make setup`, in a container `make image`"
        if not in_clone():
            cure = f"run `pip install -r {lock}`, or write into it what you mean to train with, which retrains"
        raise SuiteError(f"the environment is not that of {lock}: {'; '.join(wrong)}; {cure}")


def differences(text: str, lock: str) -> list[str]:
    """Installed packages that are not the version that a lock file's text names; `lock` is what errors call it."""
    wrong = []
    for requirement in _requirements(text, lock):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        installed = _version(requirement.name)
        if not requirement.specifier.contains(installed if installed != "none" else "0.dev0", prereleases=True):
            wrong.append(f"{requirement.name} {installed} installed, {requirement.specifier} locked")
    return wrong


def lock_text(lock: Path = paths.TRAINING_LOCK) -> str:
    """Text of a lock file. Raises SuiteError when it is missing."""
    if not lock.is_file():
        raise SuiteError(
            f"{lock} is missing: `git checkout -- {lock}`; SUITE_TRAINING_LOCK, where set, names a lock file"
        )
    return lock.read_text(encoding="utf-8")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _requirements(text: str, lock: str) -> list[Requirement]:
    lines = [line.split(" \\")[0].strip() for line in text.splitlines()]
    try:
        return [Requirement(line) for line in lines if line and line[0] not in "#-"]
    except InvalidRequirement as error:
        raise SuiteError(f"{lock} is not a lock file: {error}; run `git checkout -- {lock}`") from None

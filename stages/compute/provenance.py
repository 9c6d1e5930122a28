"""On what numbers are made: versions, device, and whether they are the locked ones. Imports no TensorFlow."""

import importlib.metadata
import os
import platform
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from stages.errors import SuiteError
from stages.params.experiment import Compute
from stages.paths import runs

NVIDIA_DEVICE = Path("/dev/nvidiactl")
REPORTED = ("tensorflow", "keras", "numpy")


def device_kind(compute: Compute) -> str:
    """`cpu` or `gpu`: as `compute.device` says, or for `auto` a GPU where the NVIDIA driver shows one."""
    if compute.device == "auto":
        return "gpu" if NVIDIA_DEVICE.exists() else "cpu"
    return compute.device


def worker_count(compute: Compute, device: str) -> int:
    """Training processes at once: `compute.workers`, or for 0 one a usable core, on a GPU one."""
    if compute.workers:
        return compute.workers
    return 1 if device == "gpu" else usable_cores()


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(device: str) -> dict[str, str]:
    """Versions and processor that decide a run's bits. No host name, no date."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in REPORTED},
        "device": device,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def check_installed(lock: Path = runs.TRAINING_LOCK) -> None:
    """Raise SuiteError when an installed package is not the version that the training lock names."""
    wrong = []
    for requirement in _locked(lock):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            installed = "none"
        if not requirement.specifier.contains(installed if installed != "none" else "0.dev0", prereleases=True):
            wrong.append(f"{requirement.name} {installed} installed, {requirement.specifier} locked")
    if wrong:
        raise SuiteError(f"the environment is not that of {lock}: {'; '.join(wrong)}; run `make setup`")


def _locked(lock: Path) -> list[Requirement]:
    lines = [line.split(" \\")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    try:
        return [Requirement(line) for line in lines if line and line[0] not in "#-"]
    except InvalidRequirement as error:
        raise SuiteError(f"{lock} is not a lock file: {error}; run `git checkout -- {lock}`") from None


def _processor() -> str:
    """Model name of the processor: two models may differ in the last bits."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()

"""On what numbers are made: versions, device, and whether they are the locked ones. Imports no TensorFlow."""

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from stages.errors import SuiteError
from stages.params.experiment import Compute
from stages.paths import runs

NVIDIA_DEVICE = Path("/dev/nvidiactl")
GPUS = Path("/proc/driver/nvidia/gpus")
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time in so many, "max" for no limit
REPORTED = ("tensorflow", "keras", "numpy")
VECTORS = {"amx_tile": "AMX", "avx512f": "AVX-512", "avx2": "AVX2"}  # by flag in /proc/cpuinfo, the widest first
REPORTED_ON_GPU = ("nvidia-cudnn-cu12", "nvidia-cublas-cu12")


def device_kind(compute: Compute, environment: Mapping[str, str] = os.environ) -> str:
    """`cpu` or `gpu`: as `compute.device` says, or for `auto` a GPU where the NVIDIA driver shows one."""
    if compute.device == "auto":
        return "gpu" if NVIDIA_DEVICE.exists() and visible_gpus(environment) else "cpu"
    return compute.device


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names of the GPUs for CUDA_VISIBLE_DEVICES: those that it lists already, else the driver's, by UUID.

    Where the driver shows none in /proc, the first GPU by number.
    """
    if (listed := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in listed.split(",")]
        hidden = next((number for number, name in enumerate(names) if name in ("", "-1", "NoDevFiles")), len(names))
        return tuple(names[:hidden])  # CUDA takes none from the first that is no GPU on
    return tuple(sorted(_of_gpus("GPU UUID"))) or ("0",)


def usable_cores(quota: Path = CPU_QUOTA) -> int:
    """Cores this process may run on: those it is bound to, or fewer where its container has a quota of their time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted, _, period = quota.read_text().partition(" ") if quota.exists() else ("max", "", "")
    return cores if granted == "max" else max(1, min(cores, int(granted) // int(period)))


def image_revision() -> str:
    """Revision of the container image that this runs in, as its build was told; empty outside of one."""
    return os.environ.get("SUITE_IMAGE_REVISION", "")


def environment(device: str) -> dict[str, str]:
    """Versions, processor, GPU and image that decide a run's bits. No host name, no date."""
    content = {
        "python": platform.python_version(),
        **{name: _version(name) for name in REPORTED},
        "device": device,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if device == "gpu":
        content |= {"gpu": gpu_model()} | {name: _version(name) for name in REPORTED_ON_GPU}
    return content | ({"image": image_revision()} if image_revision() else {})


def check_installed(lock: Path = runs.TRAINING_LOCK) -> None:
    """Raise SuiteError when an installed package is not the version that the training lock names."""
    if wrong := differences(lock_text(lock), lock.as_posix()):
        raise SuiteError(
            f"the environment is not that of {lock}: {'; '.join(wrong)}; run `make setup`, in a container `make image`"
        )


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


def lock_text(lock: Path = runs.TRAINING_LOCK) -> str:
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


def gpu_model() -> str:
    """Model of the GPUs that the NVIDIA driver shows, such as `NVIDIA H100 80GB HBM3`; `unknown` where none."""
    return ", ".join(sorted(set(_of_gpus("Model")))) or "unknown"


def _of_gpus(field: str) -> list[str]:
    """A field of what the driver says of each GPU in /proc."""
    rows = [row for file in GPUS.glob("*/information") for row in file.read_text(encoding="utf-8").splitlines()]
    return [row.split(":", 1)[1].strip() for row in rows if row.startswith(f"{field}:")]


def _processor() -> str:
    """Model name of the processor, its number and its widest vectors: TensorFlow's bits depend on those."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    rows = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").split("\n\n")[0].splitlines())
    facts = {name.strip(): value.strip() for name, _, value in rows}
    flags = facts.get("flags", "").split()
    vectors = next((title for flag, title in VECTORS.items() if flag in flags), "no AVX2")
    number = f"family {facts.get('cpu family')} model {facts.get('model')}"
    return f"{facts['model name']} ({number}, {vectors})" if "model name" in facts else platform.machine()

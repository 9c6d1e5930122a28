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
GPUS = Path("/proc/driver/nvidia/gpus")
REPORTED = ("tensorflow", "keras", "numpy")
VECTORS = {"amx_tile": "AMX", "avx512f": "AVX-512", "avx2": "AVX2"}  # by flag in /proc/cpuinfo, the widest first
REPORTED_ON_GPU = ("nvidia-cudnn-cu12", "nvidia-cublas-cu12")


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
    wrong = []
    for requirement in _locked(lock):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        installed = _version(requirement.name)
        if not requirement.specifier.contains(installed if installed != "none" else "0.dev0", prereleases=True):
            wrong.append(f"{requirement.name} {installed} installed, {requirement.specifier} locked")
    if wrong:
        raise SuiteError(
            f"the environment is not that of {lock}: {'; '.join(wrong)}; run `make setup`, in a container `make image`"
        )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _locked(lock: Path) -> list[Requirement]:
    if not lock.is_file():
        raise SuiteError(
            f"{lock} is missing: `git checkout -- {lock}`; SUITE_TRAINING_LOCK, where set, names a lock file"
        )
    lines = [line.split(" \\")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    try:
        return [Requirement(line) for line in lines if line and line[0] not in "#-"]
    except InvalidRequirement as error:
        raise SuiteError(f"{lock} is not a lock file: {error}; run `git checkout -- {lock}`") from None


def gpu_model() -> str:
    """Model of the GPUs that the NVIDIA driver shows, such as `NVIDIA H100 80GB HBM3`; `unknown` where none."""
    models = set()
    for file in GPUS.glob("*/information"):
        text = file.read_text(encoding="utf-8")
        models |= {row.split(":", 1)[1].strip() for row in text.splitlines() if row.startswith("Model:")}
    return ", ".join(sorted(models)) or "unknown"


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

"""What this machine is: cores, memory, GPUs, processor. Imports no TensorFlow."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from valgap.ground.params.experiment import Compute

NVIDIA_DEVICE = Path("/dev/nvidiactl")
GPUS = Path("/proc/driver/nvidia/gpus")
# Of a container, by version of Linux's control groups: microseconds of processor time in so many; no limit is max, -1.
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CPU_QUOTA_V1 = (Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))
VECTORS = {"amx_tile": "AMX", "avx512f": "AVX-512", "avx2": "AVX2"}  # by flag in /proc/cpuinfo, the widest first
HALF = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of processors that compute in bfloat16; the last is Arm's
CPUINFO = Path("/proc/cpuinfo")
GIB = 2**30
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


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


def usable_cores(quota: Path = CPU_QUOTA, quota_v1: tuple[Path, Path] = CPU_QUOTA_V1) -> int:
    """Cores this process may run on: those it is bound to, or fewer where its container has a quota of their time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if quota.exists():
        granted, _, period = quota.read_text().strip().partition(" ")
    elif all(path.exists() for path in quota_v1):
        granted, period = (path.read_text().strip() for path in quota_v1)
    else:
        return cores
    return cores if granted in ("max", "-1") else max(1, min(cores, int(granted) // int(period)))


def memory(limits: tuple[Path, ...] = CGROUP_LIMITS) -> int:
    """Bytes of memory that this container or machine may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in limits:
        if path.exists() and (text := path.read_text().strip()).isdecimal():
            return min(total, int(text))
    return total


def gpu_model() -> str:
    """Model of the GPUs that the NVIDIA driver shows, such as `NVIDIA H100 80GB HBM3`; `unknown` where none."""
    return ", ".join(sorted(set(_of_gpus("Model")))) or "unknown"


def _of_gpus(field: str) -> list[str]:
    """A field of what the driver says of each GPU in /proc."""
    rows = [row for file in GPUS.glob("*/information") for row in file.read_text(encoding="utf-8").splitlines()]
    return [row.split(":", 1)[1].strip() for row in rows if row.startswith(f"{field}:")]


def has_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Whether the processor computes in bfloat16 itself; else TensorFlow emulates it, slower than float32."""
    facts = _facts(cpuinfo)
    return bool(HALF & {*facts.get("flags", "").split(), *facts.get("Features", "").split()})


def _facts(cpuinfo: Path) -> dict[str, str]:
    """What Linux says of the first core; nothing on other systems."""
    if not cpuinfo.exists():
        return {}
    rows = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in rows}


def processor() -> str:
    """Model name of the processor, its number and its widest vectors: TensorFlow's bits depend on those."""
    if not (facts := _facts(CPUINFO)):
        return platform.processor() or platform.machine()
    flags = facts.get("flags", "").split()
    vectors = next((title for flag, title in VECTORS.items() if flag in flags), "no AVX2")
    number = f"family {facts.get('cpu family')} model {facts.get('model')}"
    return f"{facts['model name']} ({number}, {vectors})" if "model name" in facts else platform.machine()

"""The machine in words, for the report: no host name, no path. Reads /proc/cpuinfo where there is one."""

import importlib.metadata
import os
from pathlib import Path

from benchmarks.words import say
from valgap.compute import environment
from valgap.ground.host import GIB, memory

CPUINFO = Path("/proc/cpuinfo")
BUSY = 0.25  # of the cores, from which on ratios are not to be trusted
SHOWN = ("fma", "avx", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16")


def flags(path: Path = CPUINFO) -> list[str]:
    """Those of SHOWN that the processor has; none where the system does not say."""
    if not path.exists():
        return []
    rows = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    found = {word for row in rows if row.startswith(("flags", "Features")) for word in row.partition(":")[2].split()}
    return [flag for flag in SHOWN if flag in found]


def load() -> tuple[float, float, float]:
    """Load averages over 1, 5 and 15 minutes."""
    return os.getloadavg()


def warning(cores: int, load_at_start: tuple[float, float, float]) -> str | None:
    """What to say of a machine on which others were at work; None of a quiet one."""
    if load_at_start[0] <= BUSY * cores:
        return None
    return say("busy", load=load_at_start[0])


def described(cores: int, load_at_start: tuple[float, float, float], torch: str | None) -> dict[str, str]:
    """What it is, by term; `torch` is the version of PyTorch."""
    return say.all(
        "machine.terms",
        facts=environment.environment("cpu"),
        cores=cores,
        flags=flags(),
        memory=memory() / GIB,
        dvc=importlib.metadata.version("dvc"),
        torch=torch,
        load=load_at_start,
    )

"""The machine in words, for the report: no host name, no path. Reads /proc/cpuinfo where there is one."""

import importlib.metadata
import os
from pathlib import Path

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
    return (
        f"**The machine was busy**: its load average was {load_at_start[0]:.1f} before the first process started. "
        "Contestants of one process and those of one a core suffer differently from that: repeat it on a quiet one."
    )


def described(cores: int, load_at_start: tuple[float, float, float], torch: str | None) -> list[str]:
    """Lines of Markdown."""
    averages = " ".join(f"{value:.2f}" for value in load_at_start)
    facts = environment.environment("cpu")
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", "tensorflow", "keras", "numpy"))
    return [
        f"- processor: {facts['processor']}, {cores} cores used; vectors: {', '.join(flags()) or 'not known'}",
        f"- memory: {memory() / GIB:.1f} GiB",
        f"- {facts['system']}, {versions}, DVC {importlib.metadata.version('dvc')}, PyTorch {torch or 'not installed'}",
        f"- load average at the start, over 1, 5 and 15 minutes: {averages} (of {cores} cores)",
        "- oneDNN: the suite switches it on (`TF_ENABLE_ONEDNN_OPTS=1`); stock contestants have TensorFlow's default, "
        "which depends on the processor",
    ]

"""All cases, some at a time, each in a process with TensorFlow of its own."""

import concurrent.futures
import hashlib
import importlib
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.cases.case import REGISTRY, Registered
from tests.cases.judge import Judged, tried

HERE = Path(__file__).parent
BUILDING = ("case.py", "feeding.py", "material.py", "network.py")  # what every family builds with
SHARED = (*BUILDING, "run.py")
FAMILIES = tuple(
    sorted(p.stem for p in HERE.glob("*.py") if "import Call, Place" in p.read_text() and p.name not in SHARED)
)


def registry() -> dict[str, Registered]:
    """All cases by name, in order of family."""
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for family in FAMILIES:
        importlib.import_module(f"tests.cases.{family}")
    return REGISTRY


def chosen(half: str | None = None, only: Sequence[str] = ()) -> list[Registered]:
    """The cases of a half, or those of these names. Raises SystemExit on a name that is not known."""
    known = registry()
    if unknown := set(only) - set(known) - set(FAMILIES):
        raise SystemExit(f"no case or family is called {', '.join(sorted(unknown))}")
    return [
        case
        for case in known.values()
        if (half is None or case.half == half) and (not only or {case.name, case.family} & set(only))
    ]


def built_at(cache: Path, family: str) -> Path:
    """Where a family's cases are built: another folder whenever the sources that build them are others."""
    sources = [(HERE / name).read_bytes() for name in (*BUILDING, f"{family}.py")]
    return cache / hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]


def start() -> None:
    """TensorFlow as the cases are trained with: one thread, no GPU."""
    from valgap.training.tensorflow import start_tensorflow

    start_tensorflow("cpu")
    warnings.simplefilter("ignore")
    registry()


def one(name: str, cache: Path) -> Judged:
    """The case of this name, built and judged in this process."""
    case = registry()[name]
    return tried(case, built_at(cache, case.family))


def build_one(name: str, cache: Path) -> str:
    """The case of this name, built; the seconds, and what its user sees, or the failure."""
    case, begun = registry()[name], time.monotonic()
    home = built_at(cache, case.family)
    try:
        numbers = case.build(home / case.family / name, home / "shared").numbers
    except Exception as error:
        return f"FAILED {name}: {type(error).__name__}: {error}"
    return f"{time.monotonic() - begun:5.1f} s  {name}: {numbers}"


def run_all(cache: Path, half: str | None, only: Sequence[str], jobs: int) -> list[Judged]:
    """Each chosen case built and judged, `jobs` at a time; a line is printed as soon as one is known."""
    cases = chosen(half, only)
    with _workers(jobs) as pool:
        waiting = {pool.submit(one, case.name, cache): case.name for case in cases}
        found = {}
        for ended in concurrent.futures.as_completed(waiting):
            judged = ended.result()
            found[judged.name] = judged
            print(f"{judged.seconds:5.1f} s  {judged.name}: {judged.verdict} {judged.why[-300:]}", flush=True)
    return [found[case.name] for case in cases]


def build_all(cache: Path, half: str | None, only: Sequence[str], jobs: int) -> bool:
    """Build the chosen cases; whether each has the fault that it is told for."""
    with _workers(jobs) as pool:
        waiting = [pool.submit(build_one, case.name, cache) for case in chosen(half, only)]
        return all([_said(ended.result()) for ended in concurrent.futures.as_completed(waiting)])  # all are awaited


def _said(line: str) -> bool:
    print(line, flush=True)
    return not line.startswith("FAILED")


def _workers(jobs: int) -> concurrent.futures.ProcessPoolExecutor:
    return concurrent.futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=start)


def halves(cases: Iterable[Registered]) -> dict[str, int]:
    """How many cases each half has."""
    counts = {"even": 0, "odd": 0}
    for case in cases:
        counts[case.half] += 1
    return counts

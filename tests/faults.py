"""`make faults`: kill -9 at random moments of `make repro JOBS=2`, then the results of an undisturbed run, or failure.

`python -m tests.faults [--kills 20] [--seed 1]` runs the real pipeline at toy scale in scratch copies. Each run is
killed somewhere: this command itself, one of its DVC processes, a training stage or a worker; the next one resumes.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.scratch import TOY, copy_repository, run
from tests.watching import KINDS, of_kind, processes, results, start_repro, stored, words

VARIANTS = ["baseline", "dropout", "l2"]
SCALE: dict[str, dict[str, Any]] = TOY | {"compute": {"workers": 2}}
LATEST = 0.5  # of the seconds of an undisturbed run: until then a run is killed
END_SECONDS = 60.0  # in which a run must end by itself once a part of it was killed
GONE_SECONDS = 10.0  # in which every process of it must be gone
TRAINED = ("runs", ".replicates", "dvc.lock", ".dvc/cache/runs")


def start_afresh(folder: Path, lock: bytes) -> None:
    """Forget everything trained, so that there is something to kill again; `lock` is dvc.lock before that."""
    for name in TRAINED:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (folder / "dvc.lock").write_bytes(lock)


def kill_one(folder: Path, kind: str) -> bool:
    """kill -9 of a random process of the kind; whether there was one."""
    found = of_kind(folder, kind)
    try:
        if found:
            random.choice(found).kill()
    except psutil.Error:
        return False
    return bool(found)


def wait_gone(folder: Path) -> list[psutil.Process]:
    """Processes of the folder that are still there after GONE_SECONDS: orphans."""
    deadline = time.monotonic() + GONE_SECONDS
    while (left := processes(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def disturbed(folder: Path, log: Path, kind: str, moment: float) -> tuple[str, float] | None:
    """Start a run, kill a process of `kind` after `moment` seconds or as soon as there is one, wait for the end.

    Returns (how it ended, seconds until the kill); None when the run ended before. Raises AssertionError with its
    output when it did not end as it must.
    """
    process = start_repro(folder, log, JOBS="2")
    start, killed = time.monotonic(), False
    while process.poll() is None and not killed:
        time.sleep(0.02)
        killed = time.monotonic() - start >= moment and kill_one(folder, kind)
    after = time.monotonic() - start
    try:
        status = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(
            f"still running {END_SECONDS:.0f} s after the kill of its {kind}:\n{log.read_text()}"
        ) from None
    if left := wait_gone(folder):
        raise AssertionError(f"orphans after the kill of the {kind}: {[words(orphan) for orphan in left]}")
    text = log.read_text()
    if not killed:
        if status:
            raise AssertionError(f"a run that nothing disturbed ended with {status}:\n{text}")
        return None
    if "Traceback" in text or (kind != "runner" and status not in (0, 1, 255)):
        raise AssertionError(f"the run did not say what happened to its {kind}, status {status}:\n{text}")
    return _ending(status, text), after


def _ending(status: int, text: str) -> str:
    if status == -signal.SIGKILL:
        return "killed"
    said = [line for line in text.splitlines() if line.startswith(("error:", "ERROR:"))]
    return f"{status}: {said[-1].split('; ')[0] if said else 'it was finished already'}"[:90]


def main() -> None:
    """Kill, resume, compare; print what was killed when. Ends with status 1 when anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    random.seed(asked.seed)
    start, completed, total = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        calm, folder, log = Path(name) / "calm", Path(name) / "disturbed", Path(name) / "log"
        calm.mkdir()
        copy_repository(calm, SCALE, VARIANTS)
        run(calm, "env", "BUDGET=0.001m", "python", "-m", "valgap", "repro", check=False)  # prepares, probes, refuses
        run(calm, "dvc", "repro", "-q", "models")
        shutil.copytree(calm, folder, symlinks=True)
        lock, begun = (calm / "dvc.lock").read_bytes(), time.monotonic()
        run(calm, "python", "-m", "valgap", "repro")
        calm_seconds, expected = time.monotonic() - begun, results(calm)
        print(f"{len(expected)} files of an undisturbed serial run, {calm_seconds:.0f} s", flush=True)
        print("kill  what    after s  replicates before, after  the run ended with", flush=True)
        # Each kind equally often, in random order.
        kinds = random.sample([kind for kind in KINDS for _ in range(-(-asked.kills // len(KINDS)))], asked.kills)
        while total < asked.kills:
            kind, before = kinds[total], stored(folder)
            try:
                found = disturbed(folder, log, kind, random.uniform(0, LATEST * calm_seconds))
            except AssertionError as error:
                sys.exit(f"faults failed: {error}")
            if found is None:  # it was done before anything could be killed: compare, and train all of it again
                completed += 1
                _compare(expected, folder)
                start_afresh(folder, lock)
                continue
            total += 1
            print(f"{total:4}  {kind:6}  {found[1]:7.1f}  {before:10}, {stored(folder):<14}  {found[0]}", flush=True)
        done = run(folder, "env", "JOBS=2", "python", "-m", "valgap", "repro", check=False)
        if done.returncode:
            sys.exit(f"faults failed: the undisturbed run at the end ended with {done.returncode}:\n{done.stdout}")
        _compare(expected, folder)
    print(
        f"{total} kills, {completed + 1} finished runs with the bits of the undisturbed one, no orphan, "
        f"{time.monotonic() - start:.0f} s"
    )


def _compare(expected: dict[str, str], folder: Path) -> None:
    found = results(folder)
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if wrong:
        sys.exit(f"faults failed: {len(wrong)} of {len(expected)} files differ: {', '.join(wrong[:10])}")


if __name__ == "__main__":
    main()

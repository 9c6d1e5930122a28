"""`make wheel-test`: the wheel, built, installed into an empty environment and run once in an empty folder.

With `--lowest` every direct dependency is installed at its lower bound. Writes below build/; needs an interpreter with
pip and the package registry, and nothing of the suite's environment.
"""

import argparse
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LARGEST = 1_000_000  # bytes of the wheel
BOUND = re.compile(r"^Requires-Dist: ([\w-]+)>=([\w.]+)$", re.MULTILINE)  # not of an extra
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def call(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; raises CalledProcessError where it fails."""
    subprocess.run([str(word) for word in command], cwd=cwd, check=True)


def build(folder: Path) -> Path:
    """The wheel of this clone, in the folder."""
    call(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size < LARGEST, f"{wheel} has {wheel.stat().st_size:,} bytes"
    return wheel


def lower_bounds(wheel: Path) -> list[str]:
    """`name==version` of every dependency at its lower bound, extras aside."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode("utf-8")
    return [f"{package}=={version}" for package, version in BOUND.findall(metadata)]


def main(words: list[str] | None = None) -> None:
    """Build, install, run; ends with an error where any of that fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.wheel", description=__doc__)
    parser.add_argument("--lowest", action="store_true", help="every direct dependency at its lower bound")
    lowest = parser.parse_args(words).lowest
    folder = BUILD / ("lowest" if lowest else "newest")
    shutil.rmtree(folder, ignore_errors=True)
    wheel = build(folder / "dist")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    call(python, *PIP, "install", wheel, *(lower_bounds(wheel) if lowest else ()))
    call(python, *PIP, "check")
    empty = folder / "empty"
    empty.mkdir()
    program = shutil.copy(ROOT / "tests/installed.py", folder)
    call(python, "-P", program, cwd=empty)
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

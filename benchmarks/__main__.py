"""`make bench [ROUNDS=5] [TORCH=python]`: images a second of this suite and of the usual ways to train, side by side.

Reads data/embedded/ and params.yaml, and measures what the pipeline costs beside training; writes
reports/benchmark.md and prints it. Every number of it is of this machine, now: no stage depends on it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks import arena, contestants, document, images, machine, pipeline
from benchmarks.document import Measured
from valgap.ground import host, paths
from valgap.ground.errors import SuiteError, run_program
from valgap.ground.files import write_whole
from valgap.ground.params import suite
from valgap.pipeline import workspace

REPORT = paths.REPORTS / "benchmark.md"
IDLE_REPEATS = 5  # of `dvc repro` with nothing to do


def whole(text: str) -> int:
    """A whole number from 1 to 100."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line. Ends the process with 2 on anything else, with 0 on --help."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", allow_abbrev=False, description=__doc__)
    parser.add_argument("--rounds", type=whole, default=5, help="measured turns of every contestant (default 5)")
    parser.add_argument("--epochs", type=whole, default=4, help="passes over 1,000 images in a turn (default 4)")
    parser.add_argument("--torch", default="", help="a Python interpreter with PyTorch; this one where none is named")
    parser.add_argument("--no-pipeline", action="store_true", help="training alone: a minute less")
    return parser.parse_args(words)


def benchmark(rounds: int, epochs: int, torch: str | None, pipeline_too: bool, scratch: Path) -> str:
    """Run everything, with files below `scratch`; the report. Raises SuiteError on whatever cannot run."""
    cores, load, params = host.usable_cores(), machine.load(), suite.load()
    costs = pipeline.measure(params, IDLE_REPEATS, scratch) if pipeline_too else None
    images.write_images(scratch)
    groups = contestants.groups(str(scratch), cores, torch)
    contestants.check_memory(groups, psutil.virtual_memory().available)
    print(f"bench: starting {sum(group.processes for group in groups.values())} processes", file=sys.stderr, flush=True)
    with arena.started(groups) as children:
        measured = arena.compete(children, contestants.contestants(torch), rounds, epochs)
        memory = arena.memory(children["suite"])
        version = children["torch"][0].facts["torch"] if torch else None
    return document.text(
        Measured(
            rounds=measured,
            groups=groups,
            cores=cores,
            epochs=epochs,
            machine=machine.described(cores, load, version),
            costs=costs,
            memory=memory,
            torch="" if torch == sys.executable or version is None else version,
            warning=machine.warning(cores, load),
        )
    )


def main() -> None:
    """Benchmark, write the report by one rename, print it."""
    options = arguments(sys.argv[1:])
    torch = contestants.find_torch(options.torch)
    with workspace.locked(), tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        text = benchmark(options.rounds, options.epochs, torch, not options.no_pipeline, Path(scratch))
    try:
        write_whole(REPORT, text)
    except OSError as error:
        raise SuiteError(f"cannot write {REPORT}: {error}; check its owner and free space") from None
    print(text, end="")


if __name__ == "__main__":
    run_program(main)

"""`make bench [ROUNDS=5] [TORCH=python]`: images a second of this suite and of the usual ways to train, side by side.

Reads data/embedded/ and params.yaml, and measures what the pipeline costs beside training; writes
reports/benchmark.md and prints it. Every number of it is of this machine, now: no stage depends on it.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks import arena, contestants, document, figures, images, machine, pipeline
from benchmarks.arena import Child
from benchmarks.document import Measured
from benchmarks.figures import Raced
from benchmarks.networks import NETWORKS, OPERATIONS, PARAMETERS
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
    parser.add_argument("--no-networks", action="store_true", help="the source's CNN alone: some minutes less")
    parser.add_argument("--no-pipeline", action="store_true", help="training alone: a minute less")
    return parser.parse_args(words)


def benchmark(options: argparse.Namespace, torch: str | None, scratch: Path) -> str:
    """Run everything, with files below `scratch`; the report. Raises SuiteError on whatever cannot run."""
    rounds, epochs = options.rounds, options.epochs
    cores, load, params = host.usable_cores(), machine.load(), suite.load()
    costs = pipeline.measure(params, IDLE_REPEATS, scratch) if not options.no_pipeline else None
    images.write_images(scratch)
    groups = contestants.groups(str(scratch), cores, torch)
    contestants.check_memory(groups, psutil.virtual_memory().available)
    print(f"bench: starting {sum(group.processes for group in groups.values())} processes", file=sys.stderr, flush=True)
    with arena.started(groups) as children:
        measured = arena.compete(children, contestants.contestants(torch), rounds, epochs)
        memory = arena.memory(children["suite"])
        version = children["torch"][0].facts["torch"] if torch else None
        raced = [] if options.no_networks else race(children, torch, rounds, cores)
    return document.text(
        Measured(
            rounds=measured,
            raced=raced,
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


def race(children: Mapping[str, list[Child]], torch: str | None, rounds: int, cores: int) -> list[Raced]:
    """Let all train the networks of networks.py. Raises SuiteError where PyTorch's have another number of weights."""

    def told(group: str, name: str, what: str) -> int:
        return int(arena.train(children[group][:1], f"{name}/{what}", 1)[0][0])

    for name in NETWORKS if torch else ():
        theirs, ours = (told(group, name, PARAMETERS) for group in ("torch", "suite"))
        if theirs != ours:
            raise SuiteError(f"PyTorch's {name} has {theirs:,} weights, Keras's {ours:,}")
    measured = arena.compete(children, contestants.of_networks(torch, host.has_bfloat16()), rounds, 1)
    operations = {name: told("suite", name, OPERATIONS) for name in NETWORKS}
    return [figures.raced(measured, name, asked, operations[name], cores) for name, asked in NETWORKS.items()]


def main() -> None:
    """Benchmark, write the report by one rename, print it."""
    options = arguments(sys.argv[1:])
    torch = contestants.find_torch(options.torch)
    with workspace.locked(), tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        text = benchmark(options, torch, Path(scratch))
    try:
        write_whole(REPORT, text)
    except OSError as error:
        raise SuiteError(f"cannot write {REPORT}: {error}; check its owner and free space") from None
    print(text, end="")


if __name__ == "__main__":
    run_program(main)

"""The studies of findings, one line each, and their run."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

from valgap.calibrate.findings.sets import ImageSet, all_sets
from valgap.findings.rates import Measured, Row
from valgap.ground.errors import SuiteError

STUDIES: tuple[str, ...] = ("copies", "labels", "leaning", "quality", "segments", "shift", "shortcuts")  # modules here
SEED = 0


def named(only: Sequence[str]) -> list[ModuleType]:
    """The studies that are asked for, all where none is named. Raises SuiteError on an unknown one."""
    if unknown := [name for name in only if name not in STUDIES]:
        why = "no study of findings is called so"
        raise SuiteError(key="--only", value=" ".join(unknown), why=why, cure=f"studies: {', '.join(STUDIES)}")
    return [import_module(f"valgap.calibrate.findings.{name}") for name in only or STUDIES]


def measure(only: Sequence[str], photos: Path | None, seed: int = SEED) -> Measured:
    """Run studies one after the other, with a line as each goes on. Raises SuiteError on what cannot be read."""
    chosen, sets = named(only), all_sets(photos)
    rows = [row for study in chosen for row in run(study, sets, seed)]
    return Measured(seed, tuple(_described(each) for each in sets.values()), tuple(rows))


def run(study: ModuleType, sets: Mapping[str, ImageSet], seed: int) -> list[Row]:
    """The rows of one study."""
    return list(study.run(sets, seed, lambda text: click.echo(f"{study.NAME}: {text}")))


def _described(each: ImageSet) -> str:
    height, width, channels = each.images.shape[1:]
    return (
        f"{each.name}: {len(each.labels):,} images of {height} x {width} x {channels}, {len(each.class_names)} classes"
    )

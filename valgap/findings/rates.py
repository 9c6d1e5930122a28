"""How often findings are right: measured on planted faults and on sets without any, and told in words beside each.

Reads rates.json beside this module, which `valgap calibrate --findings` writes.
"""

import dataclasses
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from valgap.findings.finding import Finding, Severity
from valgap.ground import records
from valgap.ground.files import write_whole

FILE = Path(__file__).with_name("rates.json")
ENOUGH = 10  # flags, or sets, from which on a rate is told
THEIR_OWN = {"VG108"}  # codes whose findings estimate, from the images at hand, how many of their flags are right
EVEN = 0.5  # precision below which nothing is called a problem
SERIOUS: tuple[Severity, Severity] = ("problem", "worth a look")
Image = TypeVar("Image")


@dataclasses.dataclass(frozen=True)
class Rate:
    """`count` of `n` cases; n may be 0, where none was tried."""

    count: int
    n: int

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.count + other.count, self.n + other.n)


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one finding, by one kind of plant, on one set of images; None for what was not.

    `planted`: of the faults that were planted, those found (recall). `right`: of the flags, those that are right
    (precision). `alarms`: of the cases without a fault, those flagged.
    """

    code: str
    what: str
    set: str
    planted: Rate | None = None
    right: Rate | None = None
    alarms: Rate | None = None


@dataclasses.dataclass(frozen=True)
class Measured:
    """All rows, the seed that decides every plant, and the sets of images."""

    seed: int
    sets: tuple[str, ...]
    rows: tuple[Row, ...]


def read(path: Path = FILE) -> Measured:
    """What was measured. Raises SuiteError on a missing or damaged file."""
    return records.read(Measured, path, "install valgap again, or run `valgap calibrate --findings` in a clone of it")


def write(found: Measured, path: Path = FILE) -> None:
    """Write the file, whole."""
    write_whole(path, records.text(found, indent=1))


def pooled(rates: Iterable[Rate | None]) -> Rate:
    """The sum of all that were measured."""
    return sum((rate for rate in rates if rate is not None), Rate(0, 0))


@functools.cache
def precision(code: str) -> Rate:
    """Of all flags of a code on all sets, those that were right."""
    return pooled(row.right for row in read().rows if row.code == code)


@functools.cache
def false_alarms(code: str) -> Rate:
    """Of all cases without the fault, on all sets, those that were flagged."""
    return pooled(row.alarms for row in read().rows if row.code == code)


def capped(code: str, severity: Severity) -> Severity:
    """The severity that a code may have: no problem where fewer than half of its flags were right."""
    right = precision(code)
    doubtful = right.n >= ENOUGH and right.count < EVEN * right.n
    return "worth a look" if severity == "problem" and doubtful else severity


def sentence(code: str) -> str:
    """How often such a flag was right, in words; "" where it was not measured."""
    right, alarms = precision(code), false_alarms(code)
    if right.n >= ENOUGH:
        tenths = round(10 * right.count / right.n)
        about = "all" if right.count == right.n else "nearly all" if tenths == 10 else f"about {tenths}"
        return f"Measured: of ten such flags {about} are right ({right.count:,} of {right.n:,} on planted faults)."
    if alarms.n >= ENOUGH:
        return f"Measured: raised on {alarms.count:,} of {alarms.n:,} sets without this fault."
    return ""


def told(finding: Finding[Image]) -> Finding[Image]:
    """The finding with its severity capped and, where it is raised, how often such a flag is right."""
    severity = capped(finding.code, finding.severity)
    words = sentence(finding.code) if severity in SERIOUS and finding.code not in THEIR_OWN else ""
    return dataclasses.replace(finding, severity=severity, found=f"{finding.found} {words}".rstrip())

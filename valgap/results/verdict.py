"""Reads and writes reports/verdict.json."""

from pathlib import Path

from valgap.ground import paths, records
from valgap.stats.verdict import Verdict

CURE = "run `dvc repro diagnose`, or restore it from Git"


def read_verdict(path: Path = paths.VERDICT) -> Verdict:
    """The verdict. Raises SuiteError where the file is missing or malformed."""
    return records.read(Verdict, path, CURE)


def parse_verdict(content: bytes) -> Verdict:
    """The verdict from a file's content. Raises ValueError on a malformed one."""
    return records.parse(Verdict, content)

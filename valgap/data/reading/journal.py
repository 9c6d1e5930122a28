"""What was read of many files so far: a killed reading goes on where it was.

A line of JSON a file, beside the rows that hold its pixels. The rows are on the disk before their lines are.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import PIL

from valgap.data.reading.decode import Reading
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.rows import Rows

SECONDS = 5.0  # of reading that a kill may cost
PAIRS = "size", "stored"  # fields of Reading that are tuples, and lists in JSON


def beside(target: Path) -> Path:
    """Where the journal of the rows in `target` lies."""
    return target.with_suffix(".journal")


class Journal:
    """The readings of these files, in order, under this decoding; `readings` are those that are kept.

    Nothing of an earlier run is used where a file has another size or time since, where there are other files, or
    where they would be decoded in another way or by another version.
    """

    def __init__(self, target: Path, files: Sequence[Path], decoding: Decoding, rows: Rows) -> None:
        self.path, self._rows, self._key = beside(target), rows, _key(files, decoding)
        self.readings: list[Reading] = []
        self._written = 0
        self._last = time.monotonic()
        kept = self._kept()
        if rows.resume(sum(not reading.why for reading in kept)):
            self.readings, self._written = kept, len(kept)
        else:
            self.restart()

    def add(self, reading: Reading) -> None:
        """Note a reading, whose pixels are among the rows by now."""
        self.readings.append(reading)
        if time.monotonic() - self._last >= SECONDS:
            self.write()

    def write(self) -> None:
        """Bring rows and lines to the disk."""
        self._rows.sync()
        lines = [json.dumps(_as_json(reading)) + "\n" for reading in self.readings[self._written :]]
        with self.path.open("a", encoding="utf-8") as handle:
            handle.writelines(lines)
        self._written, self._last = len(self.readings), time.monotonic()

    def restart(self) -> None:
        """Keep no line, for the rows are about to be others."""
        self.path.write_text(self._key + "\n", encoding="utf-8")
        self._written = 0

    def _kept(self) -> list[Reading]:
        try:
            key, *lines = self.path.read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError):
            return []
        if key != self._key:
            return []
        try:
            return [_of_json(line) for line in lines[:-1]]  # the last one has no end: it is empty, or was cut
        except (ValueError, TypeError):
            return []


def _key(files: Sequence[Path], decoding: Decoding) -> str:
    """sha256 of all that decides the rows but the files' contents, of which their sizes and times stand in."""
    digest = hashlib.sha256(repr((decoding, PIL.__version__)).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):  # the code that reads
        digest.update(module.read_bytes())
    for file in files:
        try:
            found = file.stat()
            facts = f"{found.st_size} {found.st_mtime_ns}"
        except OSError:
            facts = ""
        digest.update(repr((str(file), facts)).encode())
    return digest.hexdigest()


def _as_json(reading: Reading) -> dict[str, object]:
    return {field.name: getattr(reading, field.name) for field in dataclasses.fields(Reading) if field.name != "pixels"}


def _of_json(line: str) -> Reading:
    found = json.loads(line)
    return Reading(**found | {name: tuple(found[name]) for name in PAIRS})

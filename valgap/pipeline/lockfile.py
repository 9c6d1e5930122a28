"""dvc.lock, which DVC writes in place: whole again after a kill, and in one order whatever finished first.

Reads and writes dvc.lock and .dvc/tmp/dvc.lock.kept, its last whole state.
"""

import re
from pathlib import Path

import yaml

from valgap.ground.files import write_whole

LOCK = Path("dvc.lock")
KEPT = Path(".dvc/tmp/dvc.lock.kept")
_ENTRY = re.compile(r"^  (\S.*):\n", re.MULTILINE)
_HEAD = "schema: '2.0'\nstages:\n"
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)


def is_whole(text: str) -> bool:
    """Whether DVC can read this text of a dvc.lock, and its last line is ended."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    if not text.endswith("\n"):
        return False
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {})
    except (yaml.YAMLError, Invalid):
        return False
    return True


def mend(lock: Path = LOCK, kept: Path = KEPT) -> str | None:
    """Keep a whole dvc.lock; put the kept one back in the place of one cut short. Returns what was done, if anything.

    What is lost of a killed run is in the run cache. A merge conflict is left for its owner.
    """
    text, known = _read(lock), _read(kept)
    if text == known:
        return None
    if text is None or is_whole(text):
        keep(lock, kept)
        return None
    if _CONFLICT.search(text):
        return None
    if known is None:
        lock.unlink()
        return f"{lock} was cut short when DVC was killed: removed, the run cache holds what had finished"
    write_whole(lock, known)
    return f"{lock} was cut short when DVC was killed: put back as before, the run cache holds what finished since"


def keep(lock: Path = LOCK, kept: Path = KEPT) -> None:
    """Remember dvc.lock, which is whole, or that there is none."""
    text = _read(lock)
    if text is None:
        kept.unlink(missing_ok=True)
    else:
        write_whole(kept, text)


def changed(lock: Path = LOCK, kept: Path = KEPT) -> bool:
    """Whether dvc.lock is another than the one kept."""
    return _read(lock) != _read(kept)


def in_order(text: str, names: list[str]) -> str:
    """The text of dvc.lock with its entries in the order of `names`, others behind them; else nothing changes."""
    if not text.startswith(_HEAD):
        return text
    starts = [match.start() for match in _ENTRY.finditer(text)]
    if not starts or starts[0] != len(_HEAD) or re.search(r"^\S", text[len(_HEAD) :], re.MULTILINE):
        return text
    parts = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    place = {name: number for number, name in enumerate(names)}
    found = [(place.get(part[2 : part.index(":\n")], len(place)), part) for part in parts]
    return _HEAD + "".join(part for _, part in sorted(found, key=lambda pair: pair[0]))


def sort(names: list[str], lock: Path = LOCK) -> None:
    """Bring the entries of dvc.lock into the order of dvc.yaml: that in which a first serial run writes them."""
    text = _read(lock)
    if text is not None and (ordered := in_order(text, names)) != text:
        write_whole(lock, ordered)


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None

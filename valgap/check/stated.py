"""Findings as they are told: what rules saw and what the audit found, in words, the most important first."""

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from valgap.check.phrases import FILTERS
from valgap.diagnostics.seen import Seen
from valgap.document.findings import prose
from valgap.document.prose import Prose
from valgap.findings import rates
from valgap.findings.finding import Audit, Severity
from valgap.ground import records
from valgap.ground.errors import SuiteError

FAULTS = Path(__file__).with_name("faults")
UNASKED = ("groups",)  # what an audit asks users to declare: not known, as long as nobody does
RANK: dict[Severity, int] = {"problem": 0, "worth a look": 1, "unknown": 2, "fine": 3}
FED = {"VG010", "VG301", "VG302", "VG303", "VG304", "VG305", "VG306", "VG310"}  # how images and labels are fed
FOLLOWS = {  # of a finding: those that say the same more exactly
    "VG009": {"VG202", "VG203", "VG204", "VG205", "VG207", "VG304", "VG306", "VG310"},
    "VG014": {"VG201", "VG202", "VG205", "VG206", "VG207", "VG212", "VG215"},
    "VG103": {"VG102"},
    "VG126": {"VG127"} | FED,
    "VG127": FED,
    "VG205": {"VG202", "VG204", "VG207", "VG304", "VG306"},
    "VG204": {"VG202", "VG207"},
    "VG203": {"VG202"},
    "VG120": {"VG301", "VG302", "VG303", "VG304", "VG305", "VG310"},
    "VG308": {"VG102", "VG116"},
    "VG105": {"VG307", "VG306"},
    "VG107": {"VG301", "VG306", "VG307"},
    "VG106": {"VG301", "VG302", "VG303", "VG105", "VG306", "VG307"},
    "VG123": {"VG301", "VG302", "VG303", "VG304", "VG105", "VG306", "VG307", "VG118", "VG119", "VG120"},
    "VG124": {"VG105", "VG306", "VG307"},
}
# Among findings of one severity: how images were read, the model, the input pipeline, the data, scores, the curves.
ORDER = (
    (207, 202, 310, 309, 311, 301, 302, 305, 304, 10, 11, 8, 2, 1, 7, 3, 4, 5, 6),
    (206, 201, 215, 212, 203, 209, 303, 306, 307, 308, 312, 204, 205, 12, 9, 14),
    (102, 101, 116, 103, 104, 129, 117, 118, 119, 120, 105, 106, 107, 123, 407, 405, 213, 208, 211, 127, 126, 125, 13),
)
PRECEDENCE = {f"VG{number:03d}": place for place, number in enumerate(itertools.chain(*ORDER))}


@dataclasses.dataclass(frozen=True)
class Stated:
    """A finding in words. `found` is the evidence, `effect` what it does to the gap, `cure` the one thing to do.

    `values` are the numbers behind it, by name; `name` that of a finding of the audit, "" of others.
    """

    code: str
    severity: Severity
    title: str
    found: str
    effect: str
    cure: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    name: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain values, for JSON."""
        return dataclasses.asdict(dataclasses.replace(self, values={})) | {"values": _plain(self.values)}


def stated(
    seen: Iterable[Seen], audit: Audit, mute: Iterable[str], weighty: Collection[str] = ()
) -> tuple[Stated, ...]:
    """All findings in words, without the muted codes, and without those that others say more exactly.

    `weighty` are codes of the audit's hints that concern so many images that they stand before scores.
    """
    found = [*(_of_seen(each) for each in seen), *_of_audit(audit)]
    serious = {each.code for each in found if each.severity in ("problem", "worth a look")}
    left_out = {*mute, *(code for code, better in FOLLOWS.items() if better & serious)}
    kept = [each for each in found if each.code not in left_out]
    return tuple(sorted(kept, key=lambda each: (RANK[each.severity], _place(each.code, weighty))))


def check_codes(codes: Iterable[str]) -> tuple[str, ...]:
    """The codes to mute. Raises SuiteError on one that no finding has."""
    given = tuple(code.strip().upper() for code in codes)
    known = {code for texts in _texts().values() for code in texts}
    if unknown := [code for code in given if code not in known]:
        raise SuiteError(f"--mute = {unknown[0]} is no finding's code (allowed: {', '.join(sorted(known))})")
    return given


def _place(code: str, weighty: Collection[str]) -> int:
    return PRECEDENCE["VG105" if code in weighty else code] if code in {*PRECEDENCE, *weighty} else len(PRECEDENCE)


def _of_seen(seen: Seen) -> Stated:
    say = _words(seen.code)
    texts = {part: " ".join(say(f"{seen.code}.{part}", **seen.evidence).split()) for part in ("title", "found")}
    for part in ("effect", "cure"):
        name = f"{seen.code}.{part}"
        texts[part] = " ".join(say(name, **seen.evidence).split()) if name in say else ""
    severity = rates.capped(seen.code, seen.severity)
    if severity in rates.SERIOUS:
        texts["found"] = f"{texts['found']} {rates.sentence(seen.code)}".rstrip()
    return Stated(seen.code, severity, **texts, values=seen.evidence)


def _of_audit(audit: Audit) -> Iterable[Stated]:
    for each in audit.findings:
        effect = "" if each.severity == "fine" else prose(each.effect)
        cure = _words(each.code)(f"{each.code}.cure") if each.code in _texts()["audit"] else ""
        values = {"count": each.count, "of": each.of, "unit": each.unit}
        severity: Severity = "unknown" if each.name in UNASKED and each.count == each.of else each.severity
        yield Stated(each.code, severity, prose(each.title), prose(each.found), effect, cure, values, each.name)


@cache
def _files() -> dict[str, Prose]:
    return {path.stem: Prose(path, FILTERS) for path in sorted(FAULTS.glob("*.yaml"))}


@cache
def _texts() -> dict[str, frozenset[str]]:
    """Codes by the file that has their words."""
    return {name: frozenset(texts.names()) for name, texts in _files().items()}


def _words(code: str) -> Prose:
    """The file that has the words of a code. Raises KeyError where none has."""
    for name, codes in _texts().items():
        if code in codes:
            return _files()[name]
    raise KeyError(code)


def _plain(value: Any) -> Any:
    """Evidence as JSON's values: arrays become lists, NumPy's numbers Python's."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return records.plain(value.tolist() if hasattr(value, "tolist") else value)

"""What a report is worth against the truth of its case."""

import dataclasses
import re
import time
import traceback
from pathlib import Path
from typing import Any, Literal

from tests.cases.case import Case, Registered
from valgap.ground.errors import SuiteError

Verdict = Literal[
    "named first", "named", "missed", "misled", "refused", "crashed", "failed to build", "quiet", "alarmed"
]

SERIOUS = ("problem", "worth a look")
# Where the reading, the data or the pipeline is to blame, none of these may stand in the headline.
READING_OR_DATA = re.compile(r"VG[0135]\d\d")
TRAINING_ADVICE = re.compile(
    r"dropout|regulari[sz]|weight decay|label smoothing|train (?:it )?longer|more epochs|wider|underfits", re.IGNORECASE
)


@dataclasses.dataclass(frozen=True)
class Judged:
    """What became of one case: the verdict, the codes said with their severities, the first words, the seconds."""

    name: str
    verdict: Verdict
    said: tuple[str, ...]
    why: str
    numbers: str
    seconds: float


def judge(case: Case, report: Any) -> tuple[Verdict, str]:
    """The verdict on a report, and what decided it."""
    serious = [finding for finding in report.findings if finding.severity in SERIOUS]
    problems = [finding.code for finding in serious if finding.severity == "problem"]
    if case.kind == "healthy":
        return ("alarmed", ", ".join(problems)) if problems else ("quiet", "")
    wrong = sorted(set(problems) - case.truth - case.allowed)
    if wrong:
        return "misled", f"{', '.join(wrong)} said with confidence"
    advice = TRAINING_ADVICE.search(headline(report))
    if advice and any(READING_OR_DATA.fullmatch(code) for code in case.truth):
        return "misled", f"the headline speaks of {advice[0]!r}"
    codes = [finding.code for finding in serious]
    if codes and codes[0] in case.truth:
        return "named first", codes[0]
    later = [code for code in codes if code in case.truth]
    return ("named", f"{later[0]} after {codes[0]}") if later else ("missed", "")


def headline(report: Any) -> str:
    """The first words of a report: its own headline where it has one, else the text under the title up to a heading."""
    own = getattr(report, "headline", None)
    if own is not None:
        return str(own() if callable(own) else own)
    text = report.markdown() if hasattr(report, "markdown") else str(report)
    below = text.partition("\n\n")[2]
    return re.split(r"\n#+ |\n\n", below.strip())[0]


def tried(registered: Registered, cache: Path) -> Judged:
    """Build the case below `cache` unless it is there, ask, and judge; nothing is raised."""
    start = time.monotonic()

    def done(verdict: Verdict, why: str, said: tuple[str, ...] = (), numbers: str = "") -> Judged:
        return Judged(registered.name, verdict, said, why, numbers, time.monotonic() - start)

    try:
        case = registered.build(cache / registered.family / registered.name, cache / "shared")
    except Exception:  # the case is at fault, not the check
        return done("failed to build", traceback.format_exc(limit=-2))
    start = time.monotonic()
    try:
        report = case.call()
        verdict, why = judge(case, report)
        said = tuple(f"{found.code} {found.severity}" for found in report.findings if found.severity in SERIOUS)
        return done(verdict, why, said, case.numbers)
    except SuiteError as error:
        return done(_refused(case, str(error)), str(error), (), case.numbers)
    except Exception:  # what a user would see as a traceback
        return done("crashed", traceback.format_exc(limit=-3), (), case.numbers)


def _refused(case: Case, words: str) -> Verdict:
    as_it_should = case.refused and re.search(case.refused, words, re.IGNORECASE)
    return "named first" if as_it_should else "refused"

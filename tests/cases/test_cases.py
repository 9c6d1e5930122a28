"""The cases are what they are said to be, and what `check` says of them is right."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cases.case import REGISTRY, Case, Registered, fault
from tests.cases.judge import Judged, headline, judge, tried
from tests.cases.run import FAMILIES, built_at, chosen, halves, registry, run_all
from tests.cases.table import BEGIN, END, NAMED_FIRST, failures, into_page, least_of_some, totals
from valgap.ground.errors import SuiteError

ROOT = Path(__file__).parents[2]


def said(*findings: tuple[str, str], text: str = "# Check\n\nAll is said.\n\n## More") -> Any:
    listed = tuple(SimpleNamespace(code=code, severity=severity, title="") for code, severity in findings)
    return SimpleNamespace(findings=listed, markdown=lambda: text)


def a_case(*truth: str, kind: Any = "fault", allowed: tuple[str, ...] = (), refused: str = "") -> Case:
    return Case("one", kind, frozenset(truth), frozenset(allowed), lambda: None, refused)


def test_there_are_at_least_44_faults_and_12_healthy_programs() -> None:
    kinds = [case.kind for case in registry().values()]
    assert kinds.count("fault") >= 44
    assert kinds.count("healthy") >= 12


def test_a_fault_has_a_truth_and_a_healthy_program_has_none() -> None:
    for case in registry().values():
        assert bool(case.truth or case.refused) == (case.kind == "fault"), case.name
        assert not case.truth & case.allowed, case.name
        re.compile(case.refused)


def test_every_case_tells_its_story() -> None:
    stories = [case.story for case in registry().values()]
    assert all(stories)
    assert len(set(stories)) == len(stories)


def test_codes_are_findings_that_have_a_page_and_words() -> None:
    known = {path.stem for path in (ROOT / "docs/findings").glob("VG*.md")}
    for path in (ROOT / "valgap/check").rglob("*.yaml"):
        known |= set(re.findall(r"^(VG\d{3}):", path.read_text(), re.MULTILINE))
    for case in registry().values():
        assert case.truth <= known, f"{case.name}: {sorted(case.truth - known)}"


def test_a_name_is_given_once() -> None:
    make = registry()["nothing_to_see"].make
    with pytest.raises(ValueError, match="two cases are called nothing_to_see"):
        fault("VG001")(make)
    assert REGISTRY["nothing_to_see"].kind == "healthy"


def test_both_halves_have_many_faults_and_healthy_ones_and_a_half_is_for_ever() -> None:
    for kind, least in (("fault", 20), ("healthy", 5)):
        counts = halves(case for case in registry().values() if case.kind == kind)
        assert min(counts.values()) >= least, (kind, counts)
    assert {name: registry()[name].half for name in ("nothing_to_see", "copies_in_validation")} == {
        "nothing_to_see": "even", "copies_in_validation": "even",
    }  # fmt: skip
    assert {case.half for case in chosen("odd")} == {"odd"}
    assert len(chosen("odd")) + len(chosen("even")) == len(registry())


def test_all_families_are_found(tmp_path: Path) -> None:
    assert {case.family for case in registry().values()} == set(FAMILIES)
    assert built_at(tmp_path, FAMILIES[0]) != built_at(tmp_path, FAMILIES[1])


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([("VG001", "problem")], "named first"),
        ([("VG999", "fine"), ("VG001", "worth a look")], "named first"),
        ([("VG110", "worth a look"), ("VG001", "problem")], "named"),
        ([("VG213", "problem"), ("VG001", "problem")], "named"),
        ([("VG110", "problem"), ("VG001", "problem")], "misled"),
        ([("VG110", "worth a look")], "missed"),
        ([("VG001", "unknown")], "missed"),
        ([], "missed"),
    ],
)
def test_a_report_is_judged_by_its_first_serious_finding(findings: list[tuple[str, str]], verdict: str) -> None:
    assert judge(a_case("VG001", allowed=("VG213",)), said(*findings))[0] == verdict


def test_a_healthy_program_must_not_be_called_a_problem() -> None:
    healthy = a_case(kind="healthy")
    assert judge(healthy, said(("VG213", "worth a look")))[0] == "quiet"
    assert judge(healthy, said(("VG213", "problem"))) == ("alarmed", "VG213")


def test_a_headline_that_sends_people_to_train_misleads_where_the_reading_is_at_fault() -> None:
    advice = said(("VG001", "problem"), text="# Check\n\n**Underfits.** Train longer.\n\n## Findings\n\nBGR")
    assert headline(advice) == "**Underfits.** Train longer."
    assert judge(a_case("VG001"), advice)[0] == "misled"
    assert judge(a_case("VG208"), said(("VG208", "problem"), text="# Check\n\nUnderfits.\n"))[0] == "named first"


def test_a_refusal_is_right_where_it_must_be_and_gives_the_reason(tmp_path: Path) -> None:
    def registered(words: str, refused: str) -> Registered:
        def refusing() -> None:
            raise SuiteError(words)

        return Registered("one", "none", "fault", frozenset(), frozenset(), refused, lambda place: refusing)

    verdicts = [
        tried(registered(words, refused), tmp_path).verdict
        for words, refused in (("It holds weights alone.", "weights alone"), ("damaged", "weights alone"), ("no", ""))
    ]
    assert verdicts == ["named first", "refused", "refused"]


def test_what_is_owed_is_counted() -> None:
    known = list(registry().values())
    faults = [case.name for case in known if case.kind == "fault"][:5]
    healthy = next(case.name for case in known if case.kind == "healthy")

    def judged(*verdicts: Any) -> list[Judged]:
        pairs = zip([*faults, healthy], verdicts, strict=True)
        return [Judged(name, verdict, (), "", "", 1.0) for name, verdict in pairs]

    good = judged("named first", "named first", "named first", "named first", "missed", "quiet")
    assert failures(good) == []
    assert totals(good) == "5 faults: named first 4, missed 1. 1 healthy: quiet 1."
    bad = judged("named first", "named first", "named first", "misled", "crashed", "alarmed")
    assert [line.partition(":")[0] for line in failures(bad)] == [
        "named first", "misled", "healthy, and not quiet", "not judged",
    ]  # fmt: skip
    page = into_page(f"# Findings\n\n{BEGIN}\nstale words\n{END}\n\nMore", good)
    assert page.startswith("# Findings")
    assert page.endswith("More")
    assert "stale words" not in page
    assert all(f"| `{case.name}` |" in page for case in known)
    assert least_of_some(page, [*faults, healthy]) == 3 / 5  # four, less one to spare
    assert least_of_some(page, [healthy]) == 0
    assert failures(bad, least=3 / 5) == failures(bad)[1:]


def test_the_page_of_findings_has_a_row_for_every_case() -> None:
    page = (ROOT / "docs/findings/README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows == list(registry()), "python -m tests.cases --table docs/findings/README.md"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    """Of all cases, or of one half of them, or of every so-many-th of these, as CI asks for."""
    cases = chosen(os.environ.get("CASES_HALF"))[:: int(os.environ.get("CASES_EVERY", "1"))]
    return run_all(tmp_path_factory.mktemp("cases"), None, [case.name for case in cases], 2)


@pytest.mark.slow
def test_the_cause_is_named_first_in_four_of_five_none_misled_no_false_problem(results: list[Judged]) -> None:
    page = (ROOT / "docs/findings/README.md").read_text()
    some = "CASES_EVERY" in os.environ
    least = least_of_some(page, [one.name for one in results]) if some else NAMED_FIRST
    assert failures(results, least) == []

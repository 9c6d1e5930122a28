"""The results of the cases as text, as a table of a page, and what fails."""

from collections import Counter
from collections.abc import Collection, Sequence

from tests.cases.case import Registered
from tests.cases.judge import Judged
from tests.cases.run import registry

NAMED_FIRST = 0.8  # the least share of faults whose cause must come first
BEGIN, END = "<!-- cases: begin -->", "<!-- cases: end -->"


def failures(judged: Sequence[Judged], least: float = NAMED_FIRST) -> list[str]:
    """The owed conditions that do not hold, in a sentence each; `least` is the share of faults to be named first."""
    known, wrong = registry(), []
    faults = [one for one in judged if known[one.name].kind == "fault"]
    first = sum(one.verdict == "named first" for one in faults)
    if faults and first < least * len(faults):
        wrong.append(f"named first: {first} of {len(faults)} faults, fewer than {least:.0%}")
    if misled := [one.name for one in judged if one.verdict == "misled"]:
        wrong.append(f"misled: {', '.join(misled)}")
    if bad := [one.name for one in judged if known[one.name].kind == "healthy" and one.verdict != "quiet"]:
        wrong.append(f"healthy, and not quiet: {', '.join(bad)}")
    if broken := [one.name for one in judged if one.verdict in ("failed to build", "crashed")]:
        wrong.append(f"not judged: {', '.join(broken)}")
    return wrong


def totals(judged: Sequence[Judged]) -> str:
    """How many came out how, faults and healthy ones apart."""
    parts = []
    for kind in ("fault", "healthy"):
        counts = Counter(one.verdict for one in judged if registry()[one.name].kind == kind)
        if counts:
            listed = ", ".join(f"{verdict} {count}" for verdict, count in counts.most_common())
            parts.append(f"{sum(counts.values())} {'faults' if kind == 'fault' else 'healthy'}: {listed}")
    return ". ".join(parts) + "."


def text_of(judged: Sequence[Judged]) -> str:
    """A line a case and the totals."""
    lines = []
    for one in judged:
        case = registry()[one.name]
        truth = " ".join(sorted(case.truth)) or ("refusal" if case.refused else "healthy")
        said = "; ".join(one.said) or one.why.strip().splitlines()[-1][:160] if one.said or one.why else "nothing"
        lines.append(f"{one.verdict:12} {case.family}.{one.name} [{truth}] said: {said}")
    return "\n".join([*lines, totals(judged)])


def _row(case: Registered, judged: Judged | None) -> str:
    truth = ", ".join(sorted(case.truth)) or ("refused" if case.refused else "healthy")
    said = "" if judged is None else ", ".join(judged.said) or "nothing"
    verdict = "" if judged is None else judged.verdict
    return f"| `{case.name}` | {case.story.replace('|', '/')} | {truth} | {said} | {verdict} |"


def as_markdown(judged: Sequence[Judged]) -> str:
    """A table of all cases, with what was said of those that were judged, and the totals."""
    known = {one.name: one for one in judged}
    head = ["| case | what its user has | true cause | said | judgement |", "| --- | --- | --- | --- | --- |"]
    rows = [_row(case, known.get(case.name)) for case in registry().values()]
    return "\n".join([*head, *rows, "", totals(judged) if judged else "Not judged yet."])


def least_of_some(page: str, names: Collection[str]) -> float:
    """The share of some faults to be named first: as the page's table says of them, with one to spare.

    A few of all cases may hold more hard ones than four in five allow.
    """
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    verdicts = {row[0].strip("`"): row[-1] for row in rows}
    faults = [verdicts.get(name) for name in names if registry()[name].kind == "fault"]
    return max(0, faults.count("named first") - 1) / max(1, len(faults))


def into_page(page: str, judged: Sequence[Judged]) -> str:
    """The page with the table between its two marks replaced. Raises ValueError where it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{as_markdown(judged)}\n\n{END}{after}"

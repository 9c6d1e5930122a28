"""The outcomes as lines of text and as a table of a page."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.scenarios.judge import ENOUGH, Judgement, judge
from tests.scenarios.known import Known
from tests.scenarios.run import Outcome, code
from valgap.calibrate.records import Named
from valgap.document.numbers import CHANGE

BEGIN, END = "<!-- scenarios: begin -->", "<!-- scenarios: end -->"
HEADINGS = ("scenario", "planted", "true effect, pp", "right to say", "headline", "causes named", "judgement", "s")


def judgement(known: Known, outcome: Outcome | None) -> Judgement:
    """Of the outcome; `not run` without one, or where it failed."""
    if outcome is None or outcome.failed:
        return "not run"
    return judge(known.truth, outcome.named, outcome.words)


def earlier(known: Known, outcome: Outcome | None) -> str:
    """A mark behind the judgement on what was said by other code than there is now."""
    return " (earlier code)" if outcome and not outcome.failed and outcome.code != code(known) else ""


def totals(scenarios: Sequence[Known], outcomes: Mapping[str, Outcome]) -> str:
    """How many were judged how."""
    counts = Counter(judgement(known, outcomes.get(known.name)) for known in scenarios)
    listed = ", ".join(f"{word} {count}" for word, count in counts.most_common())
    return f"{len(scenarios)} scenarios: {listed}."


def failures(scenarios: Sequence[Known], outcomes: Mapping[str, Outcome]) -> list[str]:
    """The scenarios that are neither right nor honestly open."""
    found = {known.name: judgement(known, outcomes.get(known.name)) for known in scenarios}
    return [f"{name}: {word}" for name, word in found.items() if word not in ENOUGH]


def line(known: Known, outcome: Outcome) -> str:
    """One scenario in a line: the judgement, what was named, the headline or why there is none."""
    said = outcome.failed or outcome.headline
    return f"{judgement(known, outcome):13} {known.name} [{names(outcome.named)}] {outcome.seconds:.0f} s: {said}"


def names(found: Sequence[Named]) -> str:
    """The causes that were named; what fresh replicates said of one that was not planted stands behind it."""
    listed = [each.cause + (f" ({_fresh(each)})" if each.confirmed else "") for each in found]
    return ", ".join(listed) or "none"


def _fresh(named: Named) -> str:
    return f"fresh replicates {CHANGE.bare(named.confirmed.mean)}" if named.confirmed else ""


def right_to_say(known: Known) -> str:
    """The causes that are right first, and those that may be named besides."""
    first = (" and " if known.truth.needed else " or ").join(known.truth.first) or "none"
    return first + (f"; besides {', '.join(known.truth.also)}" if known.truth.also else "")


def as_markdown(scenarios: Sequence[Known], outcomes: Mapping[str, Outcome]) -> str:
    """A table of the scenarios, and the totals."""
    rows = [HEADINGS, ("---",) * (len(HEADINGS) - 1) + ("---:",)]
    for known in scenarios:
        found = outcomes.get(known.name)
        truth = known.truth
        rows.append((
            f"`{known.name}`", truth.planted, f"{truth.effect}. {truth.why}", right_to_say(known),
            found.failed or found.headline if found else "", names(found.named) if found and not found.failed else "",
            judgement(known, found) + earlier(known, found), f"{found.seconds:.0f}" if found else "",
        ))  # fmt: skip
    lines = ["| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", totals(scenarios, outcomes)])


def into_page(page: str, scenarios: Sequence[Known], outcomes: Mapping[str, Outcome]) -> str:
    """The page with what stands between its two marks replaced. Raises ValueError where it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{as_markdown(scenarios, outcomes)}\n\n{END}{after}"

"""The table of suspected causes: what the suite says of each, and on what evidence."""

import math

from valgap.document import findings
from valgap.document.numbers import CHANGE, is_unknown
from valgap.document.parts import Table
from valgap.document.text import Strong, named
from valgap.ground.params.causes import CAUSES
from valgap.report.inputs import PRICED, Inputs
from valgap.report.shift import SPLITS, mixes
from valgap.report.words import sentence
from valgap.results.summary import BASELINE, describe
from valgap.stats.suspicion import are_wrong
from valgap.stats.verdict import CauseEffect, CauseEntry, Price, SplitEffect
from valgap.stats.words import BLAMED

LABELS = CAUSES["labels"]
READING = (  # the order of the table, by word
    *BLAMED, "contributes a little", "explained by another", "unresolved", "inconclusive", "not tested fairly", "waits",
    "unknown", "not shown", "not to blame",
)  # fmt: skip
SHORT = 50  # characters of a variant's settings


def causes(inputs: Inputs) -> Table:
    """Every suspected cause, those that are to blame first."""
    rows = [(_place(inputs, entry), _cause(inputs, entry)) for entry in inputs.verdict.causes]
    if data := inputs.verdict.data:
        word, place = _of_price(data)
        rows.append((place, (PRICED.title, Strong(word), of_data(data))))
    shares = inputs.verdict.labels.shares
    if shares and LABELS.name not in [entry.cause for entry in inputs.verdict.causes]:
        word = "suspected only" if _can_doubt(inputs) else "unknown"
        rows.append((len(READING), (LABELS.title, Strong(word), _capital(_suspected(inputs)))))
    rows.sort(key=lambda row: row[0])  # stable: else in the order of the report
    headings = ("suspected cause", "verdict", "evidence")
    return Table(sentence("causes"), headings, tuple(row for _, row in rows), texts=3, folded=False)


def _of_price(data: Price) -> tuple[str, float]:
    """The word on too few images, and where its row stands; without a gain that is shown it is no price."""
    if is_unknown(data.per_doubling.low):
        return "unknown", len(READING)
    return ("has a price", len(BLAMED)) if data.per_doubling.low > 0 else ("inconclusive", len(READING))


def _place(inputs: Inputs, entry: CauseEntry) -> float:
    """Where a row stands: in the order of the answer, then by its word."""
    answer = [answer.cause for answer in inputs.verdict.answer]
    if entry.cause in answer:
        return answer.index(entry.cause) / (1 + len(answer))
    return 1 + READING.index(entry.verdict) if entry.verdict in READING else len(READING) + 1


def _cause(inputs: Inputs, entry: CauseEntry) -> tuple[str, str, str]:
    if isinstance(entry, SplitEffect):
        evidence = _of_split(inputs, entry)
    elif isinstance(entry, CauseEffect):
        evidence = of_cause(inputs, entry)
    else:
        evidence = entry.why
    if entry.cause == LABELS.name and inputs.verdict.labels.shares:
        evidence += f"; {_suspected(inputs)}"
    return entry.title, Strong(entry.verdict), _capital(evidence)


def of_cause(inputs: Inputs, entry: CauseEffect) -> str:
    """The evidence on one cause: its best arm, the effect with its limits, what changes it."""
    given = " and ".join(dict.fromkeys(_removed_by(inputs, arm) for arm in entry.given))
    against = "" if entry.against == BASELINE else named(entry.against)
    judged, found = entry.after or entry, CHANGE.estimate(entry.after or entry)
    if not entry.after:
        found += f"{f' against {against}' if against else ''}, higher in {entry.wins} replicates"
    return sentence(
        "of_cause",
        entry=entry,
        by=named(entry.arm) if entry.after else _arms(inputs, entry),
        against=against,
        metric=inputs.metric,
        margin=inputs.verdict.margin,
        judged=judged,
        found=found,
        given=given,
    )


def _arms(inputs: Inputs, entry: CauseEffect) -> str:
    """The arms chosen on the two halves; the only one with what it changes."""
    first, *others = dict.fromkeys(entry.arms or (entry.arm,))
    if others:
        return f"{named(first)} on one half of the replicates, {named(others[0])} on the other"
    record = inputs.provenance.variants.get(first)
    settings = describe(record.diff) if record and record.diff else ""
    return (
        f"{named(first)} ({settings})" if settings and len(settings) <= SHORT and "`" not in settings else named(first)
    )


def _removed_by(inputs: Inputs, arm: str) -> str:
    """The cause that an arm removes, as the table calls it."""
    titles = [entry.title for entry in inputs.verdict.causes if isinstance(entry, CauseEffect) and arm == entry.arm]
    return f"{titles[0]} is removed" if titles else f"{named(arm)} is in place"


def _of_split(inputs: Inputs, entry: SplitEffect) -> str:
    """Both differences, to test images and to re-splits, and what the audit has against the split."""
    known = {finding.code: findings.title(finding) for finding in inputs.audit.findings}
    return sentence(
        "of_split",
        entry=entry,
        chance=CHANGE.limits(entry.low, entry.high),
        placed=not is_unknown(entry.low) and not is_unknown(entry.high),
        easier=not is_unknown(entry.high) and entry.mean > entry.high,
        audit=[_lower(known.get(code, code)) for code in entry.audit],
        mixes=mixes(inputs),
        collapsed=bool(inputs.verdict.baseline.collapsed),
    )


def _can_doubt(inputs: Inputs) -> bool:
    """Whether doubts on labels tell anything: not where the audit's model is at a loss, unless many are disputed."""
    at_a_loss = any(each.code == "VG108" and each.severity == "unknown" for each in inputs.audit.findings)
    return are_wrong(inputs.verdict.labels) or not at_a_loss


def _suspected(inputs: Inputs) -> str:
    labels = inputs.verdict.labels
    if not _can_doubt(inputs):
        return sentence("cannot_doubt")
    shares = {SPLITS.get(name, name): share for name, share in labels.shares.items()}
    return sentence("of_labels", shares=shares, excess=labels.excess)


def of_data(data: Price) -> str:
    """Gain per doubling, and the images that the target would take: what the trend says, with two digits."""
    needed = data.images_needed
    images, low, high = (_rough(value) for value in (needed.images, needed.low, needed.high))
    size = data.sizes[BASELINE]
    return sentence("of_data", data=data, size=size, needed=needed, images=images, low=low, high=high)


def _rough(count: float) -> str:
    """Two significant digits, with thousands separators: it is an extrapolation. Empty for what is unknown."""
    if is_unknown(count):
        return ""
    digits = max(0, math.floor(math.log10(count)) - 1)
    return f"{round(count, -digits):,.0f}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]

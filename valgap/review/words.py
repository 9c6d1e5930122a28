"""The words of a review: its verdict in one line, the table of changed variants. Pure functions to Markdown."""

import math

from valgap.document.markdown import ROWS, code, table
from valgap.ground.params.suite import Review
from valgap.review.changes import Variants
from valgap.review.judge import BESIDE, Judged
from valgap.stats.measures import MEASURES

NAMED = 3  # variants that the verdict names; it counts the others


def verdict(judged: list[Judged], names: Variants, review: Review, stale: bool) -> str:
    """The review in one line."""
    measure, parts = MEASURES[review.primary], []
    for word in ("regressed", "improved"):
        rows = [row for row in judged if row.word == word]
        if rows:
            told = ", ".join(f"{code(row.variant)} {_change(row, review)}" for row in rows[:NAMED])
            more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
            parts.append(f"{measure.title} {word}: {told}{more}{_unconfirmed(rows) if word == 'improved' else ''}")
    quiet = [row for row in judged if row.word in ("no effect", "no change detected", "unknown")]
    identical = sum(row.word == "bit-identical" for row in judged)
    if judged and identical == len(judged):
        parts.append(f"bit-identical: every score of {_count(identical)} on both sides")
    else:
        counts = {"without a change larger than seed noise": len(quiet), "bit-identical": identical}
        parts.append(", ".join(f"{_count(count)} {what}" for what, count in counts.items() if count))
    for what, found in (("added", names.added), ("removed", names.removed)):
        parts.append(f"{len(found)} {what}" if found else "")
    parts.append(freshness_line(stale))
    return f"**{_sentence('; '.join(part for part in parts if part))}**"


def freshness_line(stale: bool) -> str:
    """Whether what Git holds belongs together, in a few words."""
    return "dvc.lock and reports/ are STALE" if stale else "dvc.lock and reports/ are fresh"


def changes(judged: list[Judged], review: Review, margin: float, limit: int | None = ROWS) -> str:
    """The table of the changed variants, and what its intervals are."""
    measure = MEASURES[review.primary]
    rows = [row for row in judged if row.contrast is not None]
    if not rows:
        return "Nothing to test: no variant on both sides has other results."
    beside = [name for name in BESIDE if name != review.primary]
    lines = [_line(row, review, margin, beside) for row in rows]
    headings = [
        "variant", "verdict", f"{measure.title} ({measure.unit})", "adjusted interval", "n", "replicates above",
        *(f"{MEASURES[name].title} ({MEASURES[name].unit})" for name in beside),
    ]  # fmt: skip
    confidence = rows[0].contrast.confidence if rows[0].contrast else 0
    note = (
        "Head minus base, over replicates, on this test set. "
        f"One family of {_count(len(rows), 'changed ')}: Bonferroni, "
        f"each interval {100 * confidence:.2f}%, and the words come from these intervals. "
        f"{'More' if measure.higher_is_better else 'Less'} is better. Columns behind the intervals are means without "
        "any claim."
    )
    unpaired = sum(not row.paired for row in rows)
    if unpaired:
        note += (
            f" **{unpaired} of {len(rows)} are unpaired** (Welch): images, sizes, seed or replicates differ between "
            "the sides, so that the same number is not the same draw."
        )
    return f"{table(headings, lines, texts=2, limit=limit)}\n\n{note}"


def _line(row: Judged, review: Review, margin: float, beside: list[str]) -> list[str]:
    """One variant's row of the table."""
    assert row.contrast is not None
    return [
        code(row.variant),
        word(row, review, margin),
        MEASURES[review.primary].text(row.contrast.interval.mean),
        _interval(row, review),
        str(row.contrast.interval.n) + ("" if row.paired else ", unpaired"),
        row.contrast.wins,
        *(MEASURES[name].text(row.beside[name]) for name in beside),
    ]


def word(row: Judged, review: Review, margin: float) -> str:
    """The verdict on one variant; `margin` as judged by."""
    measure = MEASURES[review.primary]
    if row.word == "improved":
        if row.confirmation is None:
            return "improved (unconfirmed: same seeds)" if row.paired else "improved (unconfirmed)"
        found = row.confirmation.contrast.interval
        limits = f"{measure.text(found.mean)} [{measure.text(found.low)} to {measure.text(found.high)}]"
        stands = "improved (confirmed" if row.confirmation.stands else "improvement not confirmed (judged"
        return f"{stands} on {found.n} fresh replicates: {limits})"
    if row.word == "no effect":
        return f"no effect within ±{measure.text(margin, sign=False)} {measure.unit}"
    if row.word == "no change detected":
        missed = "falls" if measure.higher_is_better else "rises"
        return (
            f"no change detected (would miss {missed} under {measure.text(row.detectable, sign=False)} {measure.unit})"
        )
    return "unknown (one replicate)" if row.word == "unknown" else row.word


def _change(row: Judged, review: Review) -> str:
    """`−5.3 pp (−6.1 to −4.4)`."""
    assert row.contrast is not None
    measure = MEASURES[review.primary]
    return f"{measure.text(row.contrast.interval.mean)} {measure.unit} ({_interval(row, review)})"


def _interval(row: Judged, review: Review) -> str:
    assert row.contrast is not None
    interval, measure = row.contrast.interval, MEASURES[review.primary]
    if math.isnan(interval.low):
        return "no interval"
    return f"{measure.text(interval.low)} to {measure.text(interval.high)}"


def _unconfirmed(rows: list[Judged]) -> str:
    """What the verdict says behind the improved variants: whether fresh replicates bear them out."""
    if all(row.confirmation is None for row in rows):
        return " (unconfirmed: same seeds)" if all(row.paired for row in rows) else " (unconfirmed)"
    stands = sum(row.confirmation is not None and row.confirmation.stands for row in rows)
    return f" ({stands} of {len(rows)} confirmed on fresh replicates)"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _count(number: int, what: str = "") -> str:
    return f"{number} {what}variant{'' if number == 1 else 's'}"

"""What a review says of its result: the verdict, the word on each variant, the gate. The texts are in words.yaml."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from valgap.document.numbers import CHANGES, SIZES
from valgap.document.prose import Prose
from valgap.ground.params.suite import Review
from valgap.review.changes import Variants
from valgap.review.judge import Judged, Reason
from valgap.stats.measures import MEASURES

NAMED = 3  # variants that the verdict names; it counts the others

say = Prose(Path(__file__).with_name("words.yaml"))


def verdict(judged: Sequence[Judged], names: Variants, review: Review, stale: bool) -> str:
    """The review in one line."""
    parts = [_moved(judged, "regressed", review), _moved(judged, "improved", review), *_unmoved(judged)]
    counts = {"added": len(names.added), "removed": len(names.removed)}
    parts += [say(f"verdict.{what}", count=count) for what, count in counts.items() if count]
    return sentence(*parts, freshness(stale))


def nothing(why: str, stale: bool) -> str:
    """The same where the sides cannot be compared."""
    return sentence(say("verdict.nothing", why=why), freshness(stale))


def sentence(*parts: str) -> str:
    """What is said of each matter, in one sentence."""
    text = "; ".join(filter(None, parts))
    return f"{text[:1].upper()}{text[1:]}."


def freshness(stale: bool) -> str:
    """Whether what Git holds belongs together, in a few words."""
    return say("fresh.stale" if stale else "fresh.fresh")


def _moved(judged: Sequence[Judged], word: str, review: Review) -> str:
    """The variants of a word, with their changes."""
    measure = MEASURES[review.primary]
    rows = [row for row in judged if row.word == word and row.contrast is not None]
    if not rows:
        return ""
    change = CHANGES[measure.unit]
    told = {row.variant: change.estimate(row.contrast.interval) for row in rows[:NAMED] if row.contrast}
    ending = _borne_out(rows) if word == "improved" else ""
    return say("verdict.moved", measure=measure.title, word=word, told=told, more=len(rows) - len(told), ending=ending)


def _borne_out(rows: Sequence[Judged]) -> str:
    """What the verdict says behind the improved variants: whether fresh replicates bear them out."""
    if all(row.confirmation is None for row in rows):
        return _unconfirmed(all(row.paired for row in rows))
    stands = sum(row.confirmation is not None and row.confirmation.stands for row in rows)
    return say("confirmed", stands=stands, count=len(rows))


def _unconfirmed(paired: bool) -> str:
    return say("unconfirmed.paired" if paired else "unconfirmed.unpaired")


def _unmoved(judged: Sequence[Judged]) -> list[str]:
    """How many variants did not change, or not more than by chance."""
    identical = sum(row.word == "bit-identical" for row in judged)
    quiet = sum(row.word in ("no effect", "no change detected", "unknown") for row in judged)
    if judged and identical == len(judged):
        return [say("verdict.identical", count=identical)]
    counts = {"quiet": quiet, "some_identical": identical}
    told = [say(f"verdict.{what}", count=count) for what, count in counts.items() if count]
    return [", ".join(told)]


def word(row: Judged, review: Review, margin: float) -> str:
    """The verdict on one variant; `margin` as judged by."""
    measure = MEASURES[review.primary]
    if row.confirmation:
        found = row.confirmation.contrast.interval
        name = "confirmed" if row.confirmation.stands else "not_confirmed"
        return say(f"word.{name}", n=found.n, change=CHANGES[measure.unit].estimate(found))
    size = SIZES[measure.unit]
    return say(
        f"word.{row.word}",
        ending=_unconfirmed(row.paired),
        margin=size(margin),
        detectable=size(row.detectable),
        higher=measure.higher_is_better,
    )


def reasons(found: Iterable[Reason], review: Review) -> list[str]:
    """Why the gate fails, a line each."""
    measure = MEASURES[review.primary]
    units = {"gap_growth": MEASURES["gap"].unit}
    return [
        say(
            f"reason.{each.trouble}",
            variant=each.variant,
            amount=SIZES[units.get(each.trouble, measure.unit)](each.amount),
            measure=measure.title,
        )
        for each in found
    ]

"""What an answer is worth against the truth of its scenario. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Literal

from tests.scenarios.known import Truth
from valgap.calibrate.records import Named
from valgap.calibrate.score import is_confirmed

Judgement = Literal["right", "honestly open", "half", "silent", "misleading", "not run"]
ENOUGH = ("right", "honestly open")
OPEN = ("inconclusive", "waits", "not tested fairly", "unresolved")  # words that leave a cause open
UNSAID = "unresolved"  # a cause that the headline mentions with this word is not blamed


def blamed(named: Sequence[Named], words: Mapping[str, str]) -> list[Named]:
    """What the headline names without leaving it open."""
    return [each for each in named if words.get(each.cause) != UNSAID]


def judge(truth: Truth, named: Sequence[Named], words: Mapping[str, str]) -> Judgement:
    """The judgement on a headline's names and on the words by cause.

    Not untrue is what is planted, what was measured to help, and what helps on fresh replicates.
    """
    names = [each.cause for each in blamed(named, words)]
    confirmed = {each.cause for each in named if is_confirmed(each)}
    untrue = [name for name in names if name not in {*truth.first, *truth.also, *confirmed}]
    if not truth.first:
        return "misleading" if untrue else "honestly open" if len(names) < len(named) else "right"
    hits = [name for name in names if name in truth.first]
    if (names and names[0] in untrue) or (untrue and not hits):
        return "misleading"
    if hits:
        whole = names[0] in truth.first and set(truth.needed) <= set(names)
        return "right" if whole and not untrue else "half"
    return "honestly open" if any(words.get(cause) in OPEN for cause in truth.first) else "silent"

"""All words in which a verdict is given."""

from typing import Any, Literal, cast

Effect = Literal["helps", "harms", "no effect within the margin", "inconclusive", "unknown"]  # of an arm
Untestable = Literal["not applicable", "not present", "not tested"]  # of a cause without a contrast
OfCause = Literal["contributes", "removing it harms", "no effect within the margin", "inconclusive", "unknown"]
OfSplit = Literal["contributes", "unresolved", "easier than re-splits", "not shown", "unknown"]
OfLoss = Literal["problematic", "not shown", "unknown"]  # of validation loss late in training
OfChange = Literal[  # between two revisions
    "regressed", "improved", "no effect", "no change detected", "bit-identical", "unknown"
]
Reach = Literal["within reach", "out of reach", "more than is left to gain", "unknown"]  # of a gain by more data

CAUSE_WORDS: dict[Effect, OfCause] = {  # of an arm's effect, where the arm removes the cause from the baseline
    "helps": "contributes",
    "harms": "removing it harms",
    "no effect within the margin": "no effect within the margin",
    "inconclusive": "inconclusive",
    "unknown": "unknown",
}


def materially(word: str, material: bool) -> str:
    """A verdict word, and whether more than the margin is shown."""
    return f"{word} materially" if material and word in ("helps", "contributes") else word


def said(role: str, verdict: Any, material: Any) -> str:
    """The words on a confirmatory row of contrasts.csv, the same in every table: a primary speaks of its cause."""
    word: str = verdict if isinstance(verdict, str) and verdict else "unknown"
    if role == "primary":
        word = CAUSE_WORDS[cast(Effect, word)]
    return materially(word, str(material) == "True")

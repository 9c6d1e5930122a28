"""All words in which a verdict is given."""

from typing import Literal

Effect = Literal["helps", "harms", "no effect within the margin", "inconclusive", "unknown"]  # of an arm
Untestable = Literal["not applicable", "not present", "not tested"]  # of a cause without a contrast
OfCause = Literal["contributes", "removing it harms", "no effect within the margin", "inconclusive", "unknown"]
OfSplit = Literal["contributes", "unresolved", "easier than re-splits", "not shown", "unknown"]
OfLoss = Literal["problematic", "not shown", "unknown"]  # of validation loss late in training
Reach = Literal["within reach", "out of reach", "more than is left to gain", "unknown"]  # of a gain by more data

CAUSE_WORDS: dict[Effect, OfCause] = {  # of an arm's effect, where the arm removes the cause from the baseline
    "helps": "contributes",
    "harms": "removing it harms",
    "no effect within the margin": "no effect within the margin",
    "inconclusive": "inconclusive",
    "unknown": "unknown",
}

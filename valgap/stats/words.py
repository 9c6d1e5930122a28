"""All words in which a verdict is given."""

from typing import Literal

Untestable = Literal["not applicable", "not present", "not tested"]  # of a cause without a contrast
OfCause = Literal[
    "contributes",  # removing it raises the metric, by the margin or more
    "contributes a little",  # by less than the margin
    "explained by another",  # it helps alone, and no more once the causes before it are removed
    "not to blame",  # removing it does not raise the metric by the margin
    "not tested fairly",  # its arms learn slower, and had no more steps
    "waits",  # the baseline must be trained better before it can be judged
    "inconclusive",
    "unknown",
]
OfSplit = Literal[
    "contributes",  # the given validation images differ from the others in more than luck
    "probably contributes",
    "leaks",  # they are easier than test images, and copies of training images are among them
    "probably leaks",
    "unresolved",
    "not shown",
    "unknown",
]
OfLoss = Literal["problematic", "not shown", "unknown"]  # of validation loss late in training
OfChange = Literal[  # between two revisions
    "regressed", "improved", "no effect", "no change detected", "bit-identical", "unknown"
]
Reach = Literal["within reach", "out of reach", "more than is left to gain", "unknown"]  # of a gain by more data
Reason = Literal["together", "more steps", "wider"]  # why an arm should be trained next
HELPS = ("contributes", "contributes a little")  # words of a cause whose removal raises the metric
BLAMED = ("contributes", "probably contributes", "leaks", "probably leaks")  # words that name a cause

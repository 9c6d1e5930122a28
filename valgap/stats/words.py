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
    "class mix",  # classes are met in other shares than among test images, and that alone makes a difference
    "unresolved",
    "not shown",
    "unknown",
]
OfLoss = Literal["problematic", "not shown", "unknown"]  # of validation loss late in training
OfSymptom = Literal[  # what the user saw, against one more run of the baseline
    "reproduced",  # gap and accuracies lie where one more run is expected
    "gap reproduced",  # the gap does, an accuracy does not
    "too wide",  # the gap does, and so would no gap at all, or nearly everything
    "vanishes",  # the user's gap is larger, and the baseline has hardly any
    "larger",  # the user's gap is larger
    "trained less",  # the user's gap is larger, and the baseline learns its training images less well
    "smaller",  # the user's gap is smaller
    "validation alone",  # training is not comparable, validation accuracy is reproduced
    "validation worse",  # likewise, and the user's validation accuracy is lower
    "validation better",  # likewise, and it is higher
    "unknown",  # one replicate has no limits
]
OfSeen = Literal["within", "above", "below", "not compared", "unknown"]  # a value seen, against its limits
OfChange = Literal[  # between two revisions
    "regressed", "improved", "no effect", "no change detected", "bit-identical", "unknown"
]
Reach = Literal["within reach", "out of reach", "more than is left to gain", "unknown"]  # of a gain by more data
Reason = Literal["together", "more steps", "wider"]  # why an arm should be trained next
HELPS = ("contributes", "contributes a little")  # words of a cause whose removal raises the metric
BLAMED = ("contributes", "probably contributes", "leaks", "probably leaks", "class mix")  # words that name a cause

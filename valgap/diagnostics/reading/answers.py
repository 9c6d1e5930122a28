"""What a model answers to a sample under each reading, and how right that is. Pure: outputs come through a function."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.reading import orders
from valgap.diagnostics.reading.orders import MATCHED, SORTED, Order
from valgap.diagnostics.reading.readings import Reading
from valgap.ground.params.causes import IMBALANCED
from valgap.stats.intervals import wilson
from valgap.stats.metrics import TINY

Part = Literal["small", "choose", "confirm", "held"]  # of the sample; `small` is the first of `choose`
Labels = NDArray[np.int64]
Right = NDArray[np.bool_]
Probabilities = NDArray[np.float64]
Evaluate = Callable[[Reading, Part], Probabilities]  # (images of the part, classes), NaN where not finite

ORDER_MARGIN = 0.1  # of accuracy that another order must add to be considered
NEAR_CHANCE = 0.1  # of the way from chance to perfect recall


class Answers:
    """A model's answers in one mode.

    `labels` are those of each part; `known` the orders that programs make, sorted first.
    """

    def __init__(
        self, evaluate: Evaluate, labels: Mapping[Part, Labels], classes: int, known: Mapping[str, Order]
    ) -> None:
        self.labels, self.classes, self.known = labels, classes, known
        self._evaluate = evaluate
        self._predicted: dict[tuple[Reading, Part], Labels] = {}

    def predicted(self, reading: Reading, part: Part) -> Labels:
        """The output with the highest value of each image of the part, -1 where they are not finite."""
        if (reading, part) not in self._predicted:
            found = self._evaluate(reading, part)
            finite = np.isfinite(found).all(axis=1)
            self._predicted[reading, part] = np.where(finite, np.nan_to_num(found).argmax(axis=1), -1)
        return self._predicted[reading, part]

    def right(self, reading: Reading, places: Order, part: Part) -> Right:
        """Which images of the part are recognised, with the classes in that order."""
        return places[self.labels[part]] == self.predicted(reading, part)

    def nll(self, reading: Reading, part: Part, places: Order) -> NDArray[np.float64]:
        """Minus the logarithm of the probability of each image's own class, (n,) nats; of none where not finite."""
        found = np.nan_to_num(self._evaluate(reading, part), nan=0.0)
        own = found[np.arange(len(found)), places[self.labels[part]]]
        return np.asarray(-np.log(np.maximum(own, TINY)))

    def score(self, reading: Reading, part: Part) -> tuple[float, str]:
        """(accuracy, order) in the order that fits, of `small` a known one; 0 where outputs are not finite."""
        predicted = self.predicted(reading, part)
        if (predicted < 0).any():
            return 0.0, SORTED
        known = self.known if part == "small" else self.orders(reading)
        name, accuracy = orders.best(predicted, self.labels[part], known, ORDER_MARGIN)
        return accuracy, name

    def orders(self, reading: Reading) -> dict[str, Order]:
        """The known orders, and the one that matches the predictions of the choosing half."""
        predicted = np.maximum(self.predicted(reading, "choose"), 0)
        return {**self.known, MATCHED: orders.matched(predicted, self.labels["choose"], self.classes)}

    def asked(self) -> Iterator[tuple[Reading, list[Part]]]:
        """Every reading that was tried, with the parts on which it was."""
        for reading in dict.fromkeys(each for each, _ in self._predicted):
            yield reading, [part for tried, part in self._predicted if tried == reading]

    def lowest_recall(self, reading: Reading, places: Order) -> float:
        """The lowest recall, over both halves, of the classes that the order moves; 0 where it moves none."""
        labels, right = self._halves(reading, places)
        moved = np.flatnonzero(places != np.arange(len(places)))
        return min((float(right[labels == one].mean()) for one in moved if np.any(labels == one)), default=0.0)

    def at_chance(self, reading: Reading, places: Order) -> bool:
        """Whether mean recall is no better than chance; of classes of about one size, accuracy within its limits."""
        labels, right = self._halves(reading, places)
        counts = np.bincount(labels, minlength=self.classes)
        present = np.flatnonzero(counts)
        low = wilson(float(right.mean()), len(right), float(stats.norm.ppf(0.975)))[0]
        equal = counts.max() <= IMBALANCED * counts[present].min()
        limit = 1 / len(present) + NEAR_CHANCE * (1 - 1 / len(present))
        recall = float(np.mean([right[labels == one].mean() for one in present]))
        return recall <= limit or bool(equal and low <= counts.max() / len(labels))

    def _halves(self, reading: Reading, places: Order) -> tuple[Labels, Right]:
        halves: tuple[Part, Part] = ("choose", "confirm")
        return (
            np.concatenate([self.labels[part] for part in halves]),
            np.concatenate([self.right(reading, places, part) for part in halves]),
        )


def beats(right: Right, other: Right, p: float, gain: float) -> bool:
    """Whether one is right on clearly more of the same images than another: sign test, and by `gain` of accuracy."""
    won, lost = int(np.sum(right & ~other)), int(np.sum(other & ~right))
    if not won or (won - lost) < gain * len(right):
        return False
    return bool(stats.binomtest(won, won + lost, alternative="greater").pvalue < p)

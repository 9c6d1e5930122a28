"""What contrasts are drawn of: the values of every run on every measure, by replicate and, on test images, by image."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.ground.params.causes import IMBALANCED
from valgap.stats import metrics
from valgap.stats.intervals import by_group
from valgap.stats.run import Run

Values = NDArray[np.float64]
Each = Callable[[metrics.Probabilities, metrics.Labels], Values]


def on_split(split: str, each: Each) -> Callable[[Run], Values]:
    """A function from a run to per-example values of each replicate's images of a split, (replicates, images)."""
    return lambda run: np.stack(
        [each(p, y) for p, y in zip(run[f"{split}_probabilities"], run[f"{split}_labels"], strict=True)]
    )


def split_score(split: str, metric: str) -> Callable[[Run], Values]:
    """A function from a run to a metric of each replicate on a split, (replicates,)."""
    score = metrics.METRICS[metric].score
    return lambda run: np.array(
        [score(p, y) for p, y in zip(run[f"{split}_probabilities"], run[f"{split}_labels"], strict=True)]
    )


def split_accuracy(split: str) -> Callable[[Run], Values]:
    """A function from a run to the accuracy of each replicate on a split, (replicates,)."""
    return lambda run: (run[f"{split}_probabilities"].argmax(axis=2) == run[f"{split}_labels"]).mean(axis=1)


MEASURES: dict[str, Callable[[Run], Values]] = {
    metric.name: on_split("test", each)
    for metric in metrics.in_reading_order()
    if (each := metric.paired or metric.each)
} | {
    "val_accuracy": split_accuracy("val"),
    "train_accuracy": split_accuracy("train"),
    "gap": lambda run: split_accuracy("train")(run) - split_accuracy("val")(run),
}
CHOOSES = {  # by the metric of the verdict: the score on validation images by which arms are chosen
    "accuracy": split_accuracy("val"),
    "balanced_accuracy": split_score("val", "balanced_accuracy"),
}


def redrawn(run: Run) -> float:
    """Test images over training images where replicates test on other images each, as in k-fold; else 0."""
    test = run["test_index"]
    return 0.0 if (test == test[0]).all() else test.shape[1] / int(run["train_images"][0])


def units(run: Run, values: Values) -> Values:
    """What intervals count of (replicates, test images) values: images or groups, but means where folds take turns."""
    if values.ndim == 1:
        return values
    return per_replicate(values) if redrawn(run) else by_group(values, run["test_groups"][0])


def per_replicate(values: Values) -> Values:
    """(replicates,) means of (replicates, examples or groups) values, or of what is so already."""
    return values.mean(axis=1) if values.ndim == 2 else values


def primary_metric(labels: NDArray[np.int64]) -> str:
    """accuracy, or balanced_accuracy where the largest class has over 1.5 times the examples of the smallest."""
    counts = np.unique(labels, return_counts=True)[1]
    return "balanced_accuracy" if counts.max() > IMBALANCED * counts.min() else "accuracy"


class Measured:
    """Values of every run on every measure, computed once."""

    def __init__(self, loaded: dict[str, Run]) -> None:
        self.loaded = loaded
        self._values: dict[tuple[str, str], Values] = {}

    def replicates(self, variant: str) -> list[int]:
        """Numbers of the variant's replicates, ascending."""
        return sorted(self.loaded[variant]["replicates"].tolist())

    def shared(self, variants: Iterable[str]) -> list[int]:
        """Replicates that all of the variants have, ascending. Raises SuiteError naming the variants without any."""
        names = list(dict.fromkeys(variants))
        found = set.intersection(*(set(self.replicates(name)) for name in names))
        if not found:
            raise SuiteError(
                f"{' and '.join(names)} share no replicate, so nothing can be paired: "
                "train them on one block (`split.blocks`, or `extra`)"
            )
        return sorted(found)

    def values(self, variant: str, measure: str, replicates: list[int]) -> Values:
        """(replicates,) or (replicates, test images or groups of them) values of a variant."""
        return self._rows(variant, replicates, measure, lambda run: units(run, MEASURES[measure](run)))

    def chosen_by(self, variant: str, metric: str, replicates: list[int]) -> Values:
        """(replicates,) scores on validation images, by which arms are chosen where the verdict rests on `metric`."""
        return self._rows(variant, replicates, f"choice by {metric}", CHOOSES[metric])

    def _rows(self, variant: str, replicates: list[int], name: str, of: Callable[[Run], Values]) -> Values:
        if (variant, name) not in self._values:
            self._values[variant, name] = of(self.loaded[variant])
        numbers = self.loaded[variant]["replicates"].tolist()
        return self._values[variant, name][[numbers.index(replicate) for replicate in replicates]]

    def redrawn(self, variants: Iterable[str]) -> float:
        """The largest `redrawn` of the variants' runs."""
        return max(redrawn(self.loaded[name]) for name in variants)

"""Is the baseline trained at all? Before any cause is judged."""

from collections.abc import Mapping

import numpy as np

from valgap.ground.params.suite import BASELINE
from valgap.stats.measured import Measured, per_replicate
from valgap.stats.run import Run
from valgap.stats.verdict import Baseline

ONE_CLASS = 0.95  # of the test images given one class, from which on a replicate has collapsed


def collapsed(run: Run) -> tuple[int, ...]:
    """Replicates that give nearly every test image one class, though the images are of more."""
    found = []
    for replicate, probabilities, labels in zip(
        run["replicates"].tolist(), run["test_probabilities"], run["test_labels"], strict=True
    ):
        predicted = np.bincount(probabilities.argmax(axis=1)).max() / len(labels)
        if predicted >= ONE_CLASS > np.bincount(labels).max() / len(labels):
            found.append(replicate)
    return tuple(found)


def trained(measured: Measured, metric: str, references: Mapping[int, float], fallen: tuple[int, ...]) -> Baseline:
    """Whether the baseline beats its 1-nearest neighbour; `references` are those scores on `metric`, by replicate.

    `fallen` are the replicates that `collapsed` names.
    """
    numbers = [number for number in measured.replicates(BASELINE) if number in references]
    scores = per_replicate(measured.values(BASELINE, metric, numbers)) if numbers else np.empty(0)
    reference = np.array([references[number] for number in numbers])
    return Baseline(
        replicates=len(measured.replicates(BASELINE)),
        above_reference=int(np.sum(scores > reference)) if numbers else None,
        reference=float(reference.mean()) if numbers else float("nan"),
        collapsed=fallen,
    )

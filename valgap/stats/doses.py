"""Where variants stand along a dose, and which of them only look like a cure."""

import pandas as pd

from valgap.data.prepared import Manifest
from valgap.ground.params.causes import CAUSES
from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.operations import Costs
from valgap.stats.run import Run
from valgap.stats.verdict import Dose


def doses(params: Suite, loaded: dict[str, Run], costs: Costs, manifest: Manifest) -> dict[str, tuple[Dose, ...]]:
    """Variants along each dose, with their position: training images, parameters, or rank of a strength from 0."""
    found: dict[str, list[Dose]] = {}
    for name, cause in params.causes.items():
        if axis := CAUSES[name].axis:
            listed = (*cause.removes, *cause.opposes, *cause.injects)
            arms = [BASELINE, *(arm for arm in listed if arm in loaded)]
            found[name] = [
                Dose(arm, axis.place(params.variants[arm], manifest.train_size, costs[arm].parameters)) for arm in arms
            ]
    for cause in params.causes.values():
        for name, strengths in cause.strengths.items():
            arms = [BASELINE, *(arm for arm in strengths if arm in loaded)]
            found[name] = [Dose(arm, rank) for rank, arm in enumerate(arms)]
    return {name: tuple(sorted(arms, key=lambda arm: arm.x)) for name, arms in found.items() if len(arms) > 1}


def underfit(params: Suite, contrasts: pd.DataFrame) -> list[str]:
    """Arms whose gap is small for the wrong reason: it, training and test accuracy all fall (intervals below 0).

    Arms of other images, such as re-splits, are left out: they are no cures to warn of.
    """
    against = contrasts[(contrasts.against == BASELINE) & (contrasts.role == "exploratory")]
    falls = {
        measure: set(against[(against.metric == measure) & (against.high < 0)].variant)
        for measure in ("accuracy", "train_accuracy", "gap")
    }
    names = [name for name in against.variant.unique() if "resplit" not in params.diffs[name]]
    return [name for name in names if all(name in fallen for fallen in falls.values())]

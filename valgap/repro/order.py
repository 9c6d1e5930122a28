"""In which order cells are trained where there is no time for all: what a first answer needs most comes first."""

import itertools
from collections.abc import Sequence

from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.hypotheses import with_more_steps


def by_use(params: Suite) -> list[str]:
    """All variants: the baseline, the first arm of every cause and of its opposite, the second of each, the others.

    An arm that has one with more steps is followed by it, without which what learns slower is not judged.
    """
    lists = [arms for cause in params.causes.values() for arms in (cause.removes, cause.opposes)]
    arms = [arm for turn in itertools.zip_longest(*lists) for arm in turn if arm in params.cells]
    found = [BASELINE]
    for arm in arms:
        twin = with_more_steps(params, params.cells, arm)
        found += [arm, twin] if twin else [arm]
    return list(dict.fromkeys([*found, *params.cells]))


def ranked(cells: Sequence[str], params: Suite) -> list[str]:
    """Stages that train, such as train@dropout-0 and more@dropout_2, in the order of `by_use`."""
    place = {variant: number for number, variant in enumerate(by_use(params))}
    return sorted(cells, key=lambda cell: place.get(_variant(cell), len(place)))


def _variant(cell: str) -> str:
    stage, _, item = cell.partition("@")
    return item.rpartition("_" if stage == "more" else "-")[0]

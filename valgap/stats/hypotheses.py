"""Which causes are judged, and by which trained arms; which arms are others put together. Pure functions."""

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Sequence

from valgap.ground.params.arms import KINDS
from valgap.ground.params.causes import CAUSES
from valgap.ground.params.experiment import LENGTH
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Plain
from valgap.stats.verdict import Untested
from valgap.stats.words import Reason

LABELS = "labels"  # the cause that is judged only where labels are suspected
MORE_STEPS = 3  # times the steps, for an arm that had too few
MORE_WIDTH = 2  # times the width, for an arm that widens a network and may help
OF_THE_IMAGES = ("resplit", "train_size_factor", "long_tail")  # settings that choose images: no remedy touches them


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """A cause, or its opposite, and the trained arms that remove it from the baseline, at least one."""

    name: str
    title: str
    arms: tuple[str, ...]
    is_root: bool = False


@dataclasses.dataclass(frozen=True)
class Proposal:
    """An arm that is not trained yet, as a diff from the baseline, and what it is made of."""

    diff: Plain
    why: Reason
    of: tuple[str, ...]


def hypotheses(
    params: Suite, trained: Collection[str], class_sizes: Sequence[int], suspects: bool
) -> list[Hypothesis | Untested]:
    """Every declared cause that is judged, then its opposite: what may be tested, or why it was not.

    `suspects` says whether any training label is suspected. An opposite that has no arm is not listed.
    """
    found: list[Hypothesis | Untested] = []
    for cause in params.judged:
        declared, settings = params.causes[cause.name], (params.train, class_sizes)
        removes = tuple(arm for arm in declared.removes if arm in trained)
        if cause.name == LABELS and not suspects:
            found.append(_untested(cause.name, cause.title, "no training label is suspected, or none could be judged"))
        elif not cause.present(*settings):
            found.append(Untested(cause=cause.name, title=cause.title, verdict="not present", why=cause.absent))
        elif removes:
            found.append(Hypothesis(cause.name, cause.title, removes, cause.is_root))
        else:
            found.append(_untested(cause.name, cause.title, "no variant that removes it was trained"))
        opposes = tuple(arm for arm in declared.opposes if arm in trained)
        if cause.opposite and opposes and cause.opposite.present(*settings):
            found.append(Hypothesis(cause.opposite.name, cause.opposite.title, opposes))
    return found


def _untested(name: str, title: str, why: str) -> Untested:
    return Untested(cause=name, title=title, verdict="not tested", why=why)


def candidates(params: Suite, trained: Iterable[str]) -> list[str]:
    """Trained arms that may be remedies: they neither put a fault in nor choose other images."""
    injected = {arm for cause in params.causes.values() for arm in (*cause.injects, *cause.remedies)}
    return [
        arm
        for arm in trained
        if arm != BASELINE and arm not in injected and not set(params.diffs[arm]) & set(OF_THE_IMAGES)
    ]


def together(params: Suite, arms: Sequence[str]) -> Plain | None:
    """The diff of several arms at once; None where two of them set one thing to different values.

    The length of a run is one thing, whether it is said in steps or in epochs.
    """
    for first, second in itertools.combinations(arms, 2):
        ours, theirs = params.diffs[first], params.diffs[second]
        if any(ours[key] != theirs[key] for key in set(ours) & set(theirs)):
            return None
    diff = {key: value for arm in arms for key, value in params.diffs[arm].items()}
    return None if set(diff) >= LENGTH else diff


def with_diff(params: Suite, trained: Collection[str], diff: Plain) -> str | None:
    """The trained variant that is exactly this diff from the baseline; None without one."""
    return next((arm for arm in trained if params.diffs[arm] == diff), None)


def joint(params: Suite, trained: Collection[str], arms: tuple[str, ...]) -> str | Proposal | None:
    """The trained variant that is several arms at once; what to train where there is none; None where they conflict."""
    diff = together(params, arms)
    if diff is None:
        return None
    return with_diff(params, trained, diff) or Proposal(diff, "together", arms)


def longer(params: Suite, arm: str) -> Plain:
    """The diff of an arm with MORE_STEPS times its steps."""
    diff = {key: value for key, value in params.diffs[arm].items() if key not in LENGTH}
    return diff | {"steps": MORE_STEPS * params.variants[arm].steps}


def with_more_steps(params: Suite, trained: Collection[str], arm: str) -> str | None:
    """The trained variant that is an arm with MORE_STEPS times its steps; None without one."""
    return with_diff(params, trained, longer(params, arm))


def wider(params: Suite, arm: str) -> Plain | None:
    """The diff of an arm that widens the network with MORE_WIDTH times its width; None of another arm."""
    width = params.variants[arm].width
    return params.diffs[arm] | {"width": MORE_WIDTH * width} if width > params.train.width else None


def causes_of(params: Suite) -> dict[str, tuple[str, str]]:
    """(cause or opposite, kind) of every variant that the causes list."""
    found: dict[str, tuple[str, str]] = {}
    for name, declared in params.causes.items():
        opposite = CAUSES[name].opposite
        for kind in KINDS:
            listed = opposite.name if kind == "opposes" and opposite else name
            found |= {arm: (listed, kind) for arm in getattr(declared, kind)}
    return found

"""Which causes explain which: the causes that contribute by themselves, judged again once others are removed.

The largest is removed first; one that others only treat the symptoms of (wrong labels) before it. What no longer helps
then was explained by it. What still does is removed as well, and so on.
"""

import dataclasses
from collections.abc import Sequence

from valgap.ground.params.suite import Suite
from valgap.stats import verdicts
from valgap.stats.contrasts import Comparison, contrast, pair
from valgap.stats.hypotheses import Proposal, joint
from valgap.stats.judging import Judged, word_for
from valgap.stats.measured import Measured
from valgap.stats.verdict import CauseEffect, Estimate
from valgap.stats.words import HELPS, OfCause

MOST = 0.5  # of what a cause gained by itself: where less is left, the causes before it explain it
LONGEST = 3  # causes removed together: beyond it the arms of all their subsets are too many
OPEN = (*HELPS, "inconclusive", "not tested fairly")  # words after which a better-trained baseline may change the mind


@dataclasses.dataclass(frozen=True)
class Chain:
    """Causes that remain when those before them are removed, in that order, and all effects with their last words.

    `comparisons` are those once others are removed, `proposals` the arms that are missing to go on.
    """

    causes: tuple[str, ...]
    effects: tuple[CauseEffect, ...]
    comparisons: tuple[tuple[Comparison, OfCause], ...]
    proposals: tuple[Proposal, ...]


def explain(params: Suite, measured: Measured, judged: Sequence[Judged], metric: str, margin: float) -> Chain:
    """The chain of causes that contribute, as far as the trained arms tell."""
    effects = {each.effect.cause: each.effect for each in judged}
    roots = {each.effect.cause for each in judged if each.hypothesis.is_root}
    alone = [effect for effect in effects.values() if effect.verdict == "contributes"]
    if not alone:
        return Chain((), tuple(effects.values()), (), ())
    chain = [max(alone, key=lambda effect: (effect.cause in roots, effect.mean)).cause]
    comparisons: list[tuple[Comparison, OfCause]] = []
    proposals: list[Proposal] = []
    while len(chain) < LONGEST:
        given = tuple(effects[cause].arm for cause in chain)
        rest = [effect for effect in effects.values() if effect.cause not in chain and _asked(effect, chain)]
        pairs = {}
        for effect in rest:
            found, missing = _once_removed(params, measured, given, effect)
            proposals += missing
            if found:
                pairs[effect.cause] = found
        confidence = verdicts.adjusted_confidence(max(1, len(pairs)))
        words: dict[str, OfCause] = {}
        for cause, found in pairs.items():
            comparison = dataclasses.replace(found, confidence=confidence)
            interval = contrast(measured, comparison, metric).interval
            words[cause] = _after(effects[cause], interval.mean, word_for(interval, margin))
            comparisons.append((comparison, words[cause]))
            after = Estimate.of(interval)
            effects[cause] = dataclasses.replace(effects[cause], verdict=words[cause], given=given, after=after)
        left = [effects[cause] for cause, word in words.items() if word == "contributes"]
        if not left:
            break
        chain.append(max(left, key=lambda effect: effect.after.mean if effect.after else effect.mean).cause)
    if chain[0] == "training":
        for cause, effect in effects.items():
            if cause not in chain and effect.after is None:
                effects[cause] = dataclasses.replace(effect, verdict="waits")
    return Chain(tuple(chain), tuple(effects.values()), tuple(comparisons), tuple(proposals))


def _asked(effect: CauseEffect, chain: Sequence[str]) -> bool:
    """Whether a cause is judged again: where it helped so far or, behind a baseline that was not trained, may help."""
    if effect.after is not None:
        return effect.verdict == "contributes"
    return effect.verdict in (OPEN if chain[0] == "training" else HELPS)


def _once_removed(
    params: Suite, measured: Measured, given: tuple[str, ...], effect: CauseEffect
) -> tuple[Comparison | None, list[Proposal]]:
    """The arm of a cause with those of others against the others alone; or the arms that are missing for it."""
    treated, control = (joint(params, measured.loaded, arms) for arms in ((*given, effect.arm), given))
    if treated is None or control is None:
        return None, []
    if isinstance(treated, str) and isinstance(control, str):
        return pair(measured, treated, control, cause=effect.cause, kind="removes", role="after"), []
    return None, [each for each in (treated, control) if isinstance(each, Proposal)]


def _after(effect: CauseEffect, mean: float, word: OfCause) -> OfCause:
    """The word once others are removed: a cause that helped by itself is explained where most of that has gone."""
    gone = word in ("not to blame", "inconclusive") and mean < MOST * effect.mean
    return "explained by another" if gone and effect.verdict in HELPS else word

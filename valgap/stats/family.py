"""Which contrasts are drawn, and as what: the confirmatory family, chosen strengths, and all others, exploratory."""

from collections.abc import Sequence

from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats import verdicts
from valgap.stats.contrasts import Comparison, Measured
from valgap.stats.run import Run


def replicates_of(params: Suite, blocks: tuple[int, ...]) -> frozenset[int]:
    """Numbers of all replicates in the blocks."""
    return frozenset(number for block in blocks for number in params.split.replicates(block))


def candidates(params: Suite, loaded: dict[str, Run]) -> list[str]:
    """Trained variants that remove a cause with the baseline's images: those among which a remedy is chosen."""
    arms = [arm for cause in params.judged for arm in params.causes[cause.name].removes]
    return [arm for arm in arms if arm in loaded]


def choose_on_first_block(params: Suite, measured: Measured, names: list[str]) -> str | None:
    """The variant with the highest mean validation accuracy on the first block; None of none."""
    first = replicates_of(params, params.split.blocks[:1])
    scores = {}
    for name in names:
        on_first = sorted(first & set(measured.loaded[name]["replicates"].tolist()))
        if on_first:
            scores[name] = measured.values(name, "val_accuracy", on_first)
    return verdicts.choose(scores) if scores else None


def confirmatory(params: Suite, loaded: dict[str, Run], class_sizes: Sequence[int]) -> dict[str, str]:
    """Primary variant of each cause that the baseline has and that one of its trained variants removes."""
    found = {}
    for cause in params.judged:
        declared = params.causes[cause.name]
        primary = declared.primary
        removes = primary in loaded and declared.kind(primary) == "removes"
        if primary and removes and cause.present(params.train, class_sizes):
            found[cause.name] = primary
    return found


def comparisons(params: Suite, measured: Measured, class_sizes: Sequence[int]) -> list[Comparison]:
    """All contrasts: the confirmatory family first, then chosen strengths, then every variant, exploratory."""
    loaded = measured.loaded
    primaries = confirmatory(params, loaded, class_sizes)
    fresh = replicates_of(params, tuple(block for block in params.blocks if block != params.split.blocks[0]))
    remedy = choose_on_first_block(params, measured, candidates(params, loaded)) if fresh else None
    if remedy and not fresh & set(loaded[remedy]["replicates"].tolist()):
        remedy = None
    family = len(primaries) + bool(remedy)
    found = []
    for cause, variant in primaries.items():
        confidence = verdicts.adjusted_confidence(family, params.looks.get(variant, 0))
        found.append(Comparison(variant, BASELINE, cause, "removes", "primary", confidence))
    if remedy:
        confidence = verdicts.adjusted_confidence(family, params.looks.get(remedy, 0))
        cause = params.cause_of(remedy) or ""
        found.append(Comparison(remedy, BASELINE, cause, "removes", "remedy", confidence, fresh))
    for cause, declared in params.causes.items():
        for arms in declared.strengths.values():
            chosen = choose_on_first_block(params, measured, [arm for arm in arms if arm in loaded])
            if chosen and fresh & set(loaded[chosen]["replicates"].tolist()):
                found.append(Comparison(chosen, BASELINE, cause, "removes", "strength", replicates=fresh))
    for variant in loaded:
        if variant == BASELINE:
            continue
        cause = params.cause_of(variant) or ""
        kind = (params.causes[cause].kind(variant) or "") if cause else ""
        if primaries.get(cause) != variant:
            found.append(Comparison(variant, BASELINE, cause, kind))
        primary = params.causes[cause].primary if cause else None
        if kind == "remedies" and primary in loaded:
            found.append(Comparison(variant, primary, cause, kind))
    return found

"""The first screen below its title: what a reader needs who reads nothing else. No p-values."""

import yaml

from valgap.document.numbers import SHARE, is_unknown, many
from valgap.document.parts import Code, Item, Items, Part, Section
from valgap.document.text import named
from valgap.ground.calls import call
from valgap.report.headline import mostly_below_reference
from valgap.report.inputs import Inputs
from valgap.report.words import sentence
from valgap.results.summary import BASELINE
from valgap.stats.suspicion import are_wrong
from valgap.stats.verdict import CauseEffect, CauseEntry, FollowUp, SplitEffect

MOST_BLOCKS = 20  # to settle one cause: with two arms of 6 replicates 240 runs, more than a usual experiment in all


def paragraphs(inputs: Inputs) -> tuple[str, ...]:
    """Whether the gap is real, the baseline trained, and overfitting a problem, and what only looks like a cure."""
    found = {split: inputs.score(BASELINE, split, "accuracy") for split in ("train", "val", "test")}
    scores = {split: cell.mean if cell else None for split, cell in found.items()}
    underfits = underfitting(inputs)
    said = (
        _gap(inputs, scores),
        _trained(inputs),
        sentence("divergence", found=inputs.verdict.divergence),
        sentence("underfits", names=underfits) if underfits else "",
    )
    return tuple(filter(None, said))


def _gap(inputs: Inputs, scores: dict[str, float | None]) -> str:
    gap = inputs.verdict.gap
    parts = {
        "learnt": ("training − test", SHARE(gap.train_test.mean), gap.train_test),
        "split": ("test − validation", SHARE(abs(gap.test_val.mean)), gap.test_val),
    }
    said = {
        key: sentence(
            "part_of_gap",
            name=name,
            size=size,
            limits="" if is_unknown(part.low) else SHARE.limits(part.low, part.high),
        )
        for key, (name, size, part) in parts.items()
    }
    return sentence("gap", verdict=inputs.verdict, gap=gap, **scores, **said)


def underfitting(inputs: Inputs) -> list[str]:
    """Arms whose gap is small for the wrong reason; no re-split, which is no remedy, and none with too few steps."""
    entries = inputs.verdict.causes
    excused = {entry.variant for entry in entries if isinstance(entry, SplitEffect)}
    excused |= {arm for entry in entries if isinstance(entry, CauseEffect) for arm in entry.unfair}
    excused |= {name for name, each in inputs.provenance.variants.items() if each.diff.get("resplit")}
    return [name for name in inputs.verdict.underfit if name not in excused]


def actions(inputs: Inputs) -> tuple[Part, ...]:
    """The cheapest remedy as YAML to paste, where one helps, and what would settle what is open."""
    found: list[Part] = []
    best = inputs.verdict.remedies.best
    if best:
        text = yaml.safe_dump({"train": best[0].diff}, default_flow_style=None, sort_keys=False)
        said = sentence("adopt", remedy=best[0], several=len(best) > 1, metric=inputs.metric)
        found.append(Section("adopt", "To adopt the cheapest remedy, in `params.yaml`", (said, Code(text, "yaml"))))
    if steps := _steps(inputs):
        found.append(Section("next", "Next", (Items(tuple(Item(step) for step in steps)),)))
    return tuple(found)


def _trained(inputs: Inputs) -> str:
    baseline = inputs.verdict.baseline
    collapsed = ", ".join(map(str, baseline.collapsed))
    sound = any(isinstance(entry, CauseEffect) and entry.sound for entry in inputs.verdict.causes)
    return sentence("trained", baseline=baseline, collapsed=collapsed, sound=sound, metric=inputs.metric)


def _learn_first(inputs: Inputs) -> str:
    """What to do first with a baseline that has learnt little, and which of the open arms may help."""
    judged = [entry for entry in inputs.verdict.causes if isinstance(entry, CauseEffect)]
    best = max((entry for entry in judged if entry.mean > 0), key=lambda entry: entry.mean, default=None)
    return sentence("learn_first", entry=best, arm=best and named(best.arm), metric=inputs.metric)


def _steps(inputs: Inputs) -> list[str]:
    verdict = inputs.verdict
    steps = [sentence("split_first", entry=entry) for entry in verdict.causes if _blames_split(entry)]
    if mostly_below_reference(inputs) and not verdict.answer:
        steps.append(_learn_first(inputs))
    if are_wrong(verdict.labels):
        steps.append(sentence("labels_first", excess=verdict.labels.excess))
    if verdict.follow_up:
        arms = [_follow_up(each) for each in verdict.follow_up]
        steps.append(sentence("follow_up", count=many(len(arms), "arm"), arms=arms))
    steps += [_settle(inputs, entry) for entry in verdict.causes if entry.verdict == "inconclusive"]
    if verdict.data and verdict.data.per_doubling.low > 0:
        steps.append(sentence("more_data", data=verdict.data, metric=inputs.metric))
    if inputs.provenance.not_trained:
        steps.append(sentence("not_tested", names=inputs.provenance.not_trained, plan=call("plan")))
    return steps


def _blames_split(entry: CauseEntry) -> bool:
    return isinstance(entry, SplitEffect) and entry.verdict not in ("not shown", "unknown")


def _follow_up(found: FollowUp) -> str:
    """An arm to train next and what it is: other arms together, an arm with more steps, or a wider one."""
    return sentence("follow_up_arm", found=found)


def _settle(inputs: Inputs, entry: CauseEntry) -> str:
    """What finds an inconclusive effect: whole blocks of replicates, of two arms."""
    more, size = entry.more_replicates if isinstance(entry, CauseEffect) else None, inputs.verdict.block_size
    blocks = None if more is None else max(1, -(-more // size))
    runs = None if blocks is None else 2 * blocks * size
    margin = inputs.verdict.margin
    return sentence("settle", entry=entry, margin=margin, blocks=blocks, runs=runs, most=MOST_BLOCKS)

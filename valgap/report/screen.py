"""The first screen: what a reader needs who reads nothing else. No p-values, no claim beyond an intervention's."""

import math

import yaml

from valgap.document.numbers import is_unknown
from valgap.document.parts import Code, Item, Items, Part, Section, Table
from valgap.document.text import Strong
from valgap.report.inputs import PRICED, Inputs
from valgap.report.words import sentence
from valgap.results.summary import BASELINE
from valgap.stats.verdict import CauseEffect, CauseEntry, Price, SplitEffect
from valgap.stats.words import materially


def headline(inputs: Inputs) -> str:
    """The title of the report."""
    verdict = inputs.verdict
    return sentence(
        "headline",
        verdict=verdict,
        metric=inputs.metric,
        helps=_helps(inputs),
        contributing=[entry.title for entry in verdict.causes if entry.verdict == "contributes"],
        data_helps=verdict.data is not None and verdict.data.per_doubling.low > 0,
    )


def paragraphs(inputs: Inputs) -> tuple[str, ...]:
    """Whether the gap is real, whether overfitting hurts, what to do, and what only looks like a cure."""
    verdict = inputs.verdict
    found = {split: inputs.score(BASELINE, split, "accuracy") for split in ("train", "val", "test")}
    scores = {split: cell.mean if cell else None for split, cell in found.items()}
    remedy = sentence(
        "remedy", remedy=verdict.remedy, helps=_helps(inputs), metric=inputs.metric, margin=verdict.margin
    )
    underfits = [sentence("underfits", names=verdict.underfit)] if verdict.underfit else []
    return (
        sentence("gap", verdict=verdict, **scores),
        sentence("divergence", found=verdict.divergence),
        remedy,
        *underfits,
    )


def causes(inputs: Inputs) -> Table:
    """What the suite says of each suspected cause, and on what evidence."""
    data = inputs.verdict.data
    rows = [_cause(inputs, entry) for entry in inputs.verdict.causes]
    if data:
        rows.append((PRICED.title, Strong("has a price"), _evidence_of_data(data)))
    return Table(sentence("causes"), ("suspected cause", "verdict", "evidence"), tuple(rows), texts=3, folded=False)


def actions(inputs: Inputs) -> tuple[Part, ...]:
    """The remedy as YAML to paste, where one helps, and what would settle what is open."""
    found: list[Part] = []
    remedy = inputs.verdict.remedy
    if remedy and _helps(inputs):
        text = yaml.safe_dump({"train": remedy.diff}, default_flow_style=None, sort_keys=False)
        found.append(Section("adopt", "To adopt the remedy, in `params.yaml`", (Code(text, "yaml"),)))
    steps = [_settle(inputs, entry) for entry in inputs.verdict.causes if entry.verdict == "inconclusive"]
    if inputs.provenance.not_trained:
        steps.append(sentence("not_tested", names=inputs.provenance.not_trained))
    if steps:
        found.append(Section("next", "Next", (Items(tuple(Item(step) for step in steps)),)))
    return tuple(found)


def _helps(inputs: Inputs) -> bool:
    return inputs.verdict.remedy is not None and inputs.verdict.remedy.verdict == "helps"


def _cause(inputs: Inputs, entry: CauseEntry) -> tuple[str, str, str]:
    if isinstance(entry, SplitEffect):
        return entry.title, Strong(entry.verdict), sentence("of_split", entry=entry)
    if not isinstance(entry, CauseEffect):
        return entry.title, Strong(entry.verdict), entry.why
    underfits = entry.variant in inputs.verdict.underfit
    word = materially(entry.verdict, entry.material)
    return entry.title, Strong(word), sentence("of_cause", entry=entry, metric=inputs.metric, underfits=underfits)


def _evidence_of_data(data: Price) -> str:
    """Gain per doubling, and the images that the target would take: what the trend says, with two digits."""
    needed = data.images_needed
    images, low, high = (_rough(value) for value in (needed.images, needed.low, needed.high))
    size = data.sizes[BASELINE]
    return sentence("of_data", data=data, size=size, needed=needed, images=images, low=low, high=high)


def _rough(count: float) -> str:
    """Two significant digits, with thousands separators: it is an extrapolation. Empty for what is unknown."""
    if is_unknown(count):
        return ""
    digits = max(0, math.floor(math.log10(count)) - 1)
    return f"{round(count, -digits):,.0f}"


def _settle(inputs: Inputs, entry: CauseEntry) -> str:
    """What finds an inconclusive effect: whole blocks of replicates, of two arms."""
    more, size = entry.more_replicates if isinstance(entry, CauseEffect) else None, inputs.verdict.block_size
    blocks = None if more is None else max(1, -(-more // size))
    runs = None if blocks is None else 2 * blocks * size
    return sentence("settle", entry=entry, margin=inputs.verdict.margin, blocks=blocks, runs=runs)

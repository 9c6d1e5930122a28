"""The section on shift: whether the baseline sees other images in one split than in another, and other class shares."""

import dataclasses
from typing import Any

from valgap.document.numbers import CHANGE, COUNT, PERCENT, is_unknown
from valgap.document.parts import Section, Table
from valgap.document.text import plain
from valgap.report.inputs import Inputs
from valgap.report.words import sentence
from valgap.stats.verdict import Estimate

SPLITS = {"train": "training", "val": "validation", "test": "test"}
HEADINGS = ("compared", "images", "p", "accuracy", "class that differs most", "its share", "in training", "differ")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of shift.csv in words: the splits' names, and the effect on accuracy with its limits."""

    split: str
    against: str
    images: int
    others: int
    p: float
    effect: Estimate
    name: str
    share: float
    learned: float
    differ: bool


def shift(inputs: Inputs) -> Section:
    """What the answers say of validation and test images, what class shares are worth, and the numbers of both."""
    answers, shares = of_kind(inputs, "answers"), of_kind(inputs, "classes")
    said = sentence("shift", answers=next(iter(answers), None), mixes=mixes(inputs))
    rows = [*(_listed("answers", row) for row in answers), *(_listed("class shares", row) for row in shares)]
    table = Table(sentence("shift_table"), HEADINGS, tuple(rows), 1, folded=True)
    title = "Does it see other images in one split than in another?"
    return Section("shift", title, (said, table) if rows else (said,))


def mixes(inputs: Inputs) -> list[Row]:
    """Held-out splits in which classes are met in other shares than in training."""
    return [row for row in of_kind(inputs, "classes") if row.differ]


def of_kind(inputs: Inputs, what: str) -> list[Row]:
    """The rows of one kind: `answers` or `classes`."""
    return [_row(row) for row in inputs.tables["shift"].itertuples() if row.what == what]


def _row(row: Any) -> Row:
    return Row(
        split=SPLITS[row.split],
        against=SPLITS[row.against],
        images=int(row.images),
        others=int(row.others),
        p=float(row.p),
        effect=Estimate(float(row.effect), float(row.low), float(row.high)),
        name=plain(str(row.name)),
        share=float(row.share),
        learned=float(row.learned),
        differ=bool(row.differ),
    )


def _listed(what: str, row: Row) -> tuple[str, ...]:
    p = "" if is_unknown(row.p) else "under 0.001" if row.p < 0.001 else f"{row.p:.3f}"
    effect = "" if is_unknown(row.effect.mean) else CHANGE.estimate(row.effect)
    shares = ("", "") if is_unknown(row.share) else (PERCENT(row.share), PERCENT(row.learned))
    compared, images = f"{what}: {row.split} and {row.against}", f"{COUNT(row.images)} and {COUNT(row.others)}"
    return compared, images, p, effect, row.name, *shares, "yes" if row.differ else "no"

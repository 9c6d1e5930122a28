"""The section on labels that the baseline's networks doubt, and on how many of them are wrong."""

from typing import Any

from valgap.document.numbers import COUNT, PERCENT, is_unknown, text_of
from valgap.document.parts import Example, Gallery, Part, Picture, Section, Table
from valgap.document.text import plain
from valgap.report.inputs import Inputs
from valgap.report.words import sentence

FLAGS = (10, 50)  # numbers of flags of which it is said how many are wrong
SOME = 0.5  # flags from which on some are wrong for sure
PARTS = {"pool": "the pool", "val": "validation", "test": "the test set"}


def doubted(inputs: Inputs) -> Section:
    """How many labels are wrong by part of the images, and the likeliest ones with their pictures."""
    title, rows = "Labels that the networks doubt", list(inputs.tables["suspects"].itertuples())
    parts = [
        {
            "part": PARTS.get(str(row.part), row.part),
            "images": row.images,
            "known": not is_unknown(float(row.wrong)),
            "wrong": row.wrong,
            "low": row.low,
            "high": row.high,
        }
        for row in inputs.tables["wrong_labels"].itertuples()
    ]
    said = sentence("doubted", parts=parts)
    if not rows:
        return Section("doubted", title, (said, sentence("none_doubted")))
    known = any(each["known"] for each in parts)
    counts = [each for each in FLAGS if known and each <= len(rows)]
    told = [each for each in counts if rows[each - 1].low >= SOME or rows[each - 1].high < each]
    flags = [sentence("doubted_flags", flags=each, **_limits(rows[each - 1])) for each in told or counts[-1:]]
    examples, listed = [], []
    for row in rows:
        label, predicted = plain(row.label), plain(row.predicted)
        if row.png:
            remark = f"labelled {label}, taken for {predicted} ({PERCENT(row.probability)})"
            examples.append(Example("", (Picture(text_of(row.png), f"image {row.image:.0f}", remark),)))
        listed.append(
            (f"{row.image:.0f}", str(row.part), label, predicted, PERCENT(row.probability), COUNT(row.networks))
        )
    headings = ("image", "part", "label", "taken for", "with probability", "networks")
    table = Table(sentence("doubted_table"), headings, tuple(listed), 4, folded=True)
    content: list[Part] = [said, *([" ".join(flags)] if flags else []), Gallery(tuple(examples)), table]
    return Section("doubted", title, tuple(content))


def _limits(row: Any) -> dict[str, int]:
    return {"wrong": round(row.wrong), "low": round(row.low), "high": round(row.high)}

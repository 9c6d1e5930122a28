"""The section that shows where a network of the baseline looks."""

from typing import Any

from valgap.document.numbers import PERCENT
from valgap.document.parts import Example, Gallery, Picture, Section, Table
from valgap.document.text import plain
from valgap.report.inputs import Inputs
from valgap.report.words import sentence


def looks(inputs: Inputs) -> Section:
    """Each image beside its map; without one where no place counts."""
    title, rows = "Where it looks", list(inputs.tables["looks"].itertuples())
    if not rows:
        return Section("looks", title, (sentence("no_looks", partial=inputs.trained is not None),))
    headings = ("test image", "class", "taken for", "counts most", "probability", "with that covered")
    table = Table(sentence("looks_table"), headings, tuple(map(_listed, rows)), 4, folded=True)
    gallery = Gallery(tuple(map(_example, rows)), markdown=False)
    return Section("looks", title, (sentence("looks", images=len(rows)), gallery, table))


def _example(row: Any) -> Example:
    pictures = [Picture(row.png, f"test image {row.image}", plain(row.actual))]
    if row.drawn:
        pictures.append(Picture(row.drawn, "map", f"most counts: {row.place}"))
    told = {"right": row.actual == row.predicted, "guess": plain(row.predicted), "probability": row.probability}
    return Example(sentence("look", **told, place=row.place, left=row.left), tuple(pictures))


def _listed(row: Any) -> tuple[str, ...]:
    sure, left = PERCENT(row.probability), PERCENT(row.left)
    return f"{row.image}", plain(row.actual), plain(row.predicted), row.place or "no place", sure, left

"""The section on segments: images of one light, sharpness, colour or group that the baseline is worse at."""

from typing import Any

from valgap.document.numbers import CHANGE, COUNT, PERCENT
from valgap.document.parts import Example, Gallery, Part, Picture, Section, Table
from valgap.document.text import plain
from valgap.report.inputs import Inputs
from valgap.report.words import sentence


def segments(inputs: Inputs) -> Section:
    """Which segments are worse for sure, with mistakes of each, and all that were judged."""
    title, rows = "Images that it is worse at", list(inputs.tables["segments"].itertuples())
    if not rows:
        return Section("segments", title, (sentence("no_segments"),))
    weak = [row for row in rows if row.weak]
    parts: list[Part] = [sentence("segments", segments=len(rows), weak=[_told(row) for row in weak])]
    if weak:
        parts.append(Gallery(tuple(map(_example, weak))))
    headings = ("segment", "images", "right", "95% limits", "elsewhere", "against its classes", "p, of all")
    table = Table(sentence("segments_table"), headings, tuple(map(_listed, rows)), 1, folded=True)
    return Section("segments", title, (*parts, table))


def _listed(row: Any) -> tuple[str, ...]:
    limits = f"{PERCENT(row.low)} to {PERCENT(row.high)}"
    shares = PERCENT(row.right), limits, PERCENT(row.elsewhere), CHANGE(-row.lost), f"{row.p:.3f}"
    return plain(str(row.segment)), COUNT(row.images), *shares


def _told(row: Any) -> dict[str, object]:
    limits = {name: float(getattr(row, name)) for name in ("right", "low", "high", "elsewhere")}
    return {"name": plain(str(row.segment)), "images": int(row.images), **limits}


def _example(row: Any) -> Example:
    pictures = (Picture(png, f"{plain(str(row.segment))}, a mistake", "") for png in str(row.pngs).split())
    return Example(plain(str(row.segment)), tuple(pictures))

"""The changes and their intervals as a picture: Unicode text that needs no image host, and SVG and PNG files."""

import math
from collections.abc import Sequence

import pandas as pd

from valgap.document import figures, palette
from valgap.document.numbers import CHANGES, SIZES
from valgap.document.parts import Figure, Panel
from valgap.document.text import plain
from valgap.review.judge import Judged
from valgap.review.words import say
from valgap.stats.measures import Measure

WIDTH = 49  # characters of the drawing
LOOKS = {
    "regressed": "blue",
    "improved": "vermilion",
    "no change detected": "grey",
    "no effect": "grey",
    "unknown": "grey",
}


def text(rows: Sequence[Judged], measure: Measure, margin: float) -> str:
    """A line a variant: name, `├──●──┤` on a common scale with 0 and the margins marked, the interval. Empty for none.

    `margin` is in the measure's unit; rows without a contrast are left out.
    """
    drawn = [row for row in rows if row.contrast]
    if not drawn:
        return ""
    limits = [value for row in drawn for value in _limits(row) if not math.isnan(value)]
    low, high = min(*limits, -margin, 0.0), max(*limits, margin, 0.0)
    names = [plain(row.variant, 28) for row in drawn]
    pad, change = max(len(name) for name in names), CHANGES[measure.unit]

    def column(value: float) -> int:
        return round((value - low) / (high - low) * (WIDTH - 1))

    lines = []
    for name, row in zip(names, drawn, strict=True):
        cells = [" "] * WIDTH
        for value, mark in ((-margin, "┊"), (margin, "┊"), (0.0, "│")):
            cells[column(value)] = mark
        mean, start, end = _limits(row)
        if not math.isnan(start):
            cells[column(start) : column(end) + 1] = "─" * (column(end) - column(start) + 1)
            cells[column(start)], cells[column(end)] = "├", "┤"
        cells[column(mean)] = "●"
        lines.append(f"{name:<{pad}} {''.join(cells)} {change.bare(mean)}")
    scale = [" "] * WIDTH
    for value in (0.0, low, high):
        label = (change if value else SIZES[measure.unit]).bare(value)
        start = min(max(0, column(value) - len(label) // 2), WIDTH - len(label))
        if all(cell == " " for cell in scale[max(0, start - 1) : start + len(label) + 1]):
            scale[start : start + len(label)] = label
    return "\n".join([*lines, f"{'':<{pad}} {''.join(scale)} {measure.unit}"])


def figure(rows: Sequence[Judged], measure: Measure, margin: float) -> Figure | None:
    """The same as a figure; None without a changed variant."""
    import altair as alt  # takes a second that a review without pictures need not wait

    drawn = [row for row in rows if row.contrast]
    if not drawn:
        return None
    factor, caption = CHANGES[measure.unit].scale, say("chart.caption", measure=measure.title)
    table = pd.DataFrame([[factor * value for value in _limits(row)] for row in drawn], columns=["mean", "low", "high"])
    table["variant"] = [plain(row.variant, 60) for row in drawn]
    table["colour"] = [figures.COLOURS[LOOKS[row.word]] for row in drawn]
    y = alt.Y("variant:N", sort=None, title=None)
    colour = alt.Color("colour:N", scale=None, legend=None)
    axis = alt.X("mean:Q", title=say("chart.axis", measure=measure.title, unit=measure.unit))
    band = pd.DataFrame({"from": [-factor * margin], "to": [factor * margin]})
    chart = (
        alt.Chart(band).mark_rect(color=palette.BAND).encode(x="from:Q", x2="to:Q")
        + alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="zero:Q")
        + alt.Chart(table.dropna()).mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y, color=colour)
        + alt.Chart(table).mark_point(filled=True, size=60, opacity=1).encode(x=axis, y=y, color=colour)
    ).properties(height=alt.Step(20))
    legend = (("regressed", "blue"), ("improved", "vermilion"), (say("chart.others"), "grey"))
    return Figure("forest", caption, (Panel("forest", caption, chart),), legend=legend, columns=1)


def _limits(row: Judged) -> tuple[float, float, float]:
    assert row.contrast is not None
    interval = row.contrast.interval
    return interval.mean, interval.low, interval.high

"""The changes and their intervals as a picture: Unicode text that needs no image host, and SVG and PNG files."""

import math
from pathlib import Path

import pandas as pd

from valgap.document.markdown import plain
from valgap.document.palette import PALETTE
from valgap.ground.errors import SuiteError
from valgap.review.judge import Judged
from valgap.stats.measures import Measure

WIDTH = 49  # characters of the drawing
PNG_SCALE = 1.5


def text(rows: list[Judged], measure: Measure, margin: float) -> str:
    """A line a variant: name, `├──●──┤` on a common scale with 0 and the margins marked, the interval. Empty for none.

    `margin` is in the measure's unit; `rows` are those with a contrast.
    """
    drawn = [row for row in rows if row.contrast is not None]
    if not drawn:
        return ""
    limits = [value for row in drawn for value in _limits(row) if not math.isnan(value)]
    low, high = min(*limits, -margin, 0.0), max(*limits, margin, 0.0)
    names = [plain(row.variant, 28) for row in drawn]
    pad = max(len(name) for name in names)

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
        lines.append(f"{name:<{pad}} {''.join(cells)} {measure.text(mean)}")
    scale = [" "] * WIDTH
    for value in (0.0, low, high):
        label = measure.text(value, sign=value != 0)
        start = min(max(0, column(value) - len(label) // 2), WIDTH - len(label))
        if all(cell == " " for cell in scale[max(0, start - 1) : start + len(label) + 1]):
            scale[start : start + len(label)] = label
    return "\n".join([*lines, f"{'':<{pad}} {''.join(scale)} {measure.unit}"])


def save(rows: list[Judged], measure: Measure, margin: float, folder: Path) -> list[str]:
    """Write forest.svg and forest.png below `folder`; their names, none without a changed variant."""
    import altair as alt  # takes a second that a review without pictures need not wait

    factor = 100 if measure.unit == "pp" else 1
    drawn = [row for row in rows if row.contrast is not None]
    if not drawn:
        return []
    values = [[factor * value for value in _limits(row)] for row in drawn]
    table = pd.DataFrame(values, columns=["mean", "low", "high"]).assign(
        variant=[plain(row.variant, 60) for row in drawn], word=[row.word for row in drawn]
    )
    y = alt.Y("variant:N", sort=None, title=None)
    order = ["regressed", "improved", "no change detected", "no effect", "unknown"]
    colour = alt.Color("word:N", scale=alt.Scale(domain=order, range=COLOURS), title=None)
    axis = alt.X("mean:Q", title=f"change of {measure.title}, head minus base ({measure.unit})")
    band = pd.DataFrame({"from": [-factor * margin], "to": [factor * margin]})
    chart = (
        alt.Chart(band).mark_rect(color="#eeeeee").encode(x="from:Q", x2="to:Q")
        + alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="zero:Q")
        + alt.Chart(table.dropna()).mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y, color=colour)
        + alt.Chart(table).mark_point(filled=True, size=60, opacity=1).encode(x=axis, y=y, color=colour)
    ).properties(width=480, height=alt.Step(20), title="Adjusted intervals; band: the margin")
    try:
        for name in PICTURES:
            form = {"scale_factor": PNG_SCALE} if name.endswith("png") else {}
            chart.configure(background="white").save(folder / name, **form)
    except OSError as error:
        raise SuiteError(f"cannot write {folder}: {error}") from None
    return list(PICTURES)


PICTURES = ("forest.svg", "forest.png")
COLOURS = [PALETTE[1], PALETTE[2], "#777777", "#aaaaaa", "#aaaaaa"]


def _limits(row: Judged) -> tuple[float, float, float]:
    assert row.contrast is not None
    interval = row.contrast.interval
    return interval.mean, interval.low, interval.high

"""Bars in Altair, each chart from one prepared data frame: who has what part of a shortfall.

Titles stand in the legend of the figure, so that bars are as wide in a narrow window as there is room.
"""

import math

import altair as alt
import pandas as pd

from valgap.document.palette import BAND, BLUE, GREEN, GREY, INK, ORANGE, PAPER, PINK, SKY, VERMILION
from valgap.report.charts.panels import known

CAUSES = {"blue": BLUE, "orange": ORANGE, "green": GREEN, "vermilion": VERMILION, "sky": SKY, "ink": INK}  # in turn
REST, LEARNT, SPLIT, ALONE = "band", "grey", "pink", "sky"  # ALONE stands beside shares, of which there are few
COLOURS = CAUSES | {REST: BAND, LEARNT: GREY, SPLIT: PINK}
STEP = 34  # pixels of a bar
WRITTEN = 0.09  # of the whole, from which on a bar has room for its number


def height(count: int) -> int:
    """Pixels of a chart of so many bars, with its axis."""
    return STEP * count + 60


def stacked(rows: pd.DataFrame, title: str, whole: float) -> alt.LayerChart:
    """One bar of all `rows`, which make up the `whole`: title, colour (of COLOURS) and mean, at least 0, in pp."""
    ends = rows["mean"].cumsum()
    labels = [f"{value:.1f}" if value >= WRITTEN * whole else "" for value in rows["mean"]]
    rows = rows.assign(start=ends - rows["mean"], end=ends, middle=ends - rows["mean"] / 2, label=labels)
    bar = _bars(rows, title, [0, whole], height=STEP - 4)
    text = alt.Chart(rows.assign(on=[INK if name == REST else PAPER for name in rows.colour])).mark_text(fontSize=12)
    numbers = text.encode(x="middle:Q", text="label:N", color=alt.Color("on:N", scale=None, legend=None))
    return (bar + numbers).properties(height=STEP)


def one_below_another(rows: pd.DataFrame, title: str, whole: float) -> alt.LayerChart:
    """A bar a row from 0, with its interval where it is known: title, colour, mean, low, high in pp.

    The axis reaches from 0 to `whole`, or as far as intervals do.
    """
    ends = [0.0, whole, *rows[["mean", "low", "high"]].to_numpy().ravel()]
    domain = [min(filter(math.isfinite, ends)), max(filter(math.isfinite, ends))]
    rows = rows.assign(start=0.0, end=rows["mean"])
    y = alt.Y("title:N", sort=None, axis=None, scale=alt.Scale(domain=list(rows.title), paddingInner=0.25))
    whiskers = alt.Chart(known(rows)).mark_rule(color=INK, strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=INK).encode(x="zero:Q")
    return (_bars(rows, title, domain).encode(y=y) + zero + whiskers).properties(height=alt.Step(STEP))


def _bars(rows: pd.DataFrame, title: str, domain: list[float], **look: float) -> alt.Chart:
    colours = alt.Scale(domain=list(rows.title), range=[COLOURS[name] for name in rows.colour])
    axis = alt.Axis(tickCount=6)
    x = alt.X("start:Q", title=title, axis=axis, scale=alt.Scale(domain=domain, nice=False, padding=2))
    shown = alt.Chart(rows[["title", "start", "end"]]).mark_bar(stroke=PAPER, strokeWidth=1, **look)
    return shown.encode(x=x, x2="end:Q", color=alt.Color("title:N", scale=colours, sort=None, legend=None))

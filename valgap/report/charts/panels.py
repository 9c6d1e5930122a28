"""Single charts in Altair, each from one prepared data frame (see frames.py), without a width or a title.

The page draws each as wide as its column; files put the panels of a figure together, with its legend.
Interval marks get only rows whose limits are known: Vega-Lite would draw the others from 0.
"""

import json
from typing import Any

import altair as alt
import pandas as pd

from valgap.document.palette import BAND, BLUE, GREY, INK, ORANGE, VERMILION
from valgap.ground.params.causes import CAUSES

SPLIT_COLOURS = alt.Scale(domain=["training", "validation"], range=[BLUE, VERMILION])
DOSE_COLOURS = alt.Scale(domain=["test", "validation", "training"], range=[INK, VERMILION, BLUE])
ROLES = alt.Scale(domain=["cause", "arm"], range=[BLUE, GREY])
PAIR = [INK, BLUE, VERMILION, ORANGE, GREY]  # the baseline, then others
FOREST_STEP = 30  # pixels a row, enough for two lines


def known(rows: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The rows whose columns (by default both limits) all have a value."""
    return rows.dropna(subset=list(columns or ("low", "high")))


def forest(effects: pd.DataFrame, margin: float, metric: str) -> alt.LayerChart:
    """Differences to the baseline with intervals, by cause, causes in colour; `margin` in pp is the shaded band."""
    entries: list[str] = []
    for title, rows in effects.groupby("title", sort=False):
        entries += [_heading(str(title)), *(_entry(row) for row in rows.itertuples())]
    headings = json.dumps([_heading(str(title)) for title in effects.title.unique()])
    rows = effects.assign(
        entry=[_entry(row) for row in effects.itertuples()],
        role=["cause" if is_cause else "arm" for is_cause in effects.is_cause],
    )[["entry", "role", "mean", "low", "high"]]
    axis = alt.Axis(
        labelExpr="split(datum.label, '\\n')",
        labelLimit=230,
        labelLineHeight=13,
        ticks=False,
        domain=False,
        title=None,
        labelFontWeight=_where(f"indexof({headings}, datum.value) >= 0", "bold", "normal"),
        labelBaseline=_where("indexof(datum.value, '\\n') >= 0", "bottom", "middle"),
    )
    y = alt.Y("entry:N", sort=None, scale=alt.Scale(domain=entries), axis=axis)
    x = alt.X(
        "mean:Q",
        title=[f"difference in {metric}", "to the baseline (pp)"],
        scale=alt.Scale(padding=12),
        axis=alt.Axis(tickCount=6),
    )
    role = {"color": alt.Color("role:N", scale=ROLES, legend=None)}
    band = alt.Chart(pd.DataFrame({"from": [-margin], "to": [margin]})).mark_rect(color=BAND, opacity=0.6)
    zero = alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=INK, strokeDash=[4, 4])
    points = alt.Chart(rows).mark_point(filled=True, size=70, opacity=1)
    return (
        band.encode(x="from:Q", x2="to:Q")
        + zero.encode(x="zero:Q")
        + alt.Chart(known(rows)).mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y, **role)
        + points.encode(x=x, y=y, **role)
    ).properties(height=alt.Step(FOREST_STEP))


def _where(test: str, value: str, otherwise: str) -> dict[str, Any]:
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def _heading(title: str) -> str:
    return title[:1].upper() + title[1:]


def _entry(row: Any) -> str:
    return f"{row.label}\n{row.word}" if row.word else str(row.label)


def learning_curve(rows: pd.DataFrame, title: str, domain: list[float], from_epoch: float | None) -> alt.LayerChart:
    """Training and validation score along a run with 95% bands; a rule where validation loss was lowest."""
    colour = alt.Color("series:N", scale=SPLIT_COLOURS, legend=None)
    scale = alt.Scale(domain=domain, nice=True, zero=False)
    base = alt.Chart(rows).encode(x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickCount=5)), color=colour)
    y = alt.Y("mean:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5))
    band = alt.Chart(known(rows)).mark_area(opacity=0.22).encode(x="epoch:Q", y="low:Q", y2="high:Q", color=colour)
    shapes = alt.Scale(domain=["training", "validation"], range=["circle", "square"])
    points = base.mark_point(size=28, filled=True, opacity=1)
    lines = band + base.mark_line().encode(y=y)
    lines += points.encode(y=y, shape=alt.Shape("series:N", scale=shapes, legend=None))
    if from_epoch is not None:
        rule = alt.Chart(pd.DataFrame({"epoch": [from_epoch]})).mark_rule(color=INK, strokeDash=[4, 4])
        lines += rule.encode(x="epoch:Q")
    return lines.properties(height=170)


def dose(rows: pd.DataFrame, name: str, title: str) -> alt.LayerChart:
    """Accuracy along a dose: images on log2, parameters on log, strengths by name from weak to strong."""
    rows = rows.assign(weight=[1 if series == "test" else 0.5 for series in rows.series])
    ordered = rows.sort_values("x", kind="stable")
    names = list(dict.fromkeys(ordered.variant))
    along = CAUSES[name].axis if name in CAUSES else None
    if along:
        axis = alt.Axis(values=sorted(set(rows.x)), format=along.form, labelAngle=0, labelOverlap=True)
        scale = alt.Scale(type="log", base=along.base, nice=False, padding=12)
        x: Any = alt.X("x:Q", scale=scale, axis=axis, title=along.title)
    else:
        x = alt.X("variant:N", sort=names, title=f"{name}, from none to strong", axis=alt.Axis(labelAngle=-25))
    series = {
        "color": alt.Color("series:N", scale=DOSE_COLOURS, legend=None),
        "opacity": alt.Opacity("weight:Q", scale=None, legend=None),
    }
    y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=6))
    base = alt.Chart(rows).encode(x=x, **series)
    shape = alt.Shape(
        "series:N", scale=alt.Scale(domain=DOSE_COLOURS.domain, range=["circle", "square", "triangle-up"]), legend=None
    )
    interval = alt.Chart(known(rows[rows.series == "test"])).mark_rule(strokeWidth=2)
    return (
        base.mark_line(strokeWidth=1.5).encode(y=y)
        + interval.encode(x=x, y="low:Q", y2="high:Q", **series)
        + base.mark_point(filled=True, size=50).encode(y=y, shape=shape)
    ).properties(height=210)


def reliability(rows: pd.DataFrame, variants: list[str]) -> alt.LayerChart:
    """Accuracy against confidence in bins of confidence; on the diagonal the two agree. Areas show how many."""
    low = 10 * (min([*rows.confidence, *rows.accuracy, 90]) // 10)
    scale = alt.Scale(domain=[low, 100], nice=False)
    colour = alt.Color(
        "variant:N", scale=alt.Scale(domain=variants, range=PAIR[: len(variants)]), sort=None, legend=None
    )
    base = alt.Chart(rows).encode(
        x=alt.X("confidence:Q", title="mean confidence (%)", scale=scale),
        y=alt.Y("accuracy:Q", title="right (%)", scale=scale),
        color=colour,
    )
    even = alt.Chart(pd.DataFrame({"p": [low, 100]})).mark_line(color=GREY, strokeDash=[4, 4])
    even = even.encode(x=alt.X("p:Q", scale=scale), y=alt.Y("p:Q", scale=scale))
    size = alt.Size("predictions:Q", scale=alt.Scale(range=[20, 320], zero=True), legend=None)
    return (even + base.mark_line() + base.mark_point(filled=True, opacity=0.8).encode(size=size)).properties(
        height=320
    )


def recalls(rows: pd.DataFrame, variants: list[str]) -> alt.LayerChart:
    """Test recall of each class: the mean, and from the lowest to the highest replicate."""
    colours = alt.Scale(domain=variants, range=(PAIR * len(variants))[: len(variants)])
    shapes = alt.Scale(domain=variants, range=(["circle", "diamond", "square", "triangle-up"] * 9)[: len(variants)])
    colour = alt.Color("variant:N", scale=colours, sort=None, legend=None)
    y = alt.Y("class:N", sort=None, title=None, axis=alt.Axis(grid=True, ticks=False))
    spread = {"y": y, "yOffset": alt.YOffset("variant:N", sort=None, scale=alt.Scale(domain=variants)), "color": colour}
    x = alt.X(
        "mean:Q", title="recall on test images (%)", scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=6)
    )
    shape = alt.Shape("variant:N", scale=shapes, legend=None)
    return (
        alt.Chart(rows).mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q", **spread)
        + alt.Chart(rows).mark_point(filled=True, size=50, opacity=1).encode(x=x, shape=shape, **spread)
    ).properties(height=alt.Step(max(9, 22 // max(1, len(variants))), **{"for": "offset"}))

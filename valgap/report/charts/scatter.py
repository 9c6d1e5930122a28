"""Accuracy against gap in Altair: a scatter plot of numbered points, whose labels keep out of each other's way."""

import altair as alt
import pandas as pd

from valgap.document.palette import GREY, INK
from valgap.report.charts.panels import PAIR, known
from valgap.results.summary import BASELINE


def accuracy_and_gap(points: pd.DataFrame, highlighted: list[str], metric: str) -> alt.LayerChart:
    """Accuracy against the fair gap; the dashed line joins all points with the baseline's accuracy.

    Points carry their `number`, at the offset that `placed` gives.
    """
    rows = placed(points.assign(group=[name if name in highlighted else "other" for name in points.variant]))
    x = alt.X(
        "gap_mean:Q",
        title="gap: training − validation accuracy (pp)",
        axis=alt.Axis(tickCount=8),
        scale=alt.Scale(zero=False, nice=True),
    )
    y = alt.Y("test_mean:Q", title=f"{metric} (%)", scale=alt.Scale(zero=False, nice=True))
    scale = alt.Scale(domain=[*highlighted, "other"], range=[*PAIR[: len(highlighted)], GREY])
    colour = alt.Color("group:N", scale=scale, legend=None)
    level = alt.Chart(rows[rows.variant == BASELINE]).mark_rule(color=INK, strokeDash=[4, 4])
    base = alt.Chart(rows).encode(color=colour)
    text = base.mark_text(fontSize=11, dx=alt.expr("datum.dx"), dy=alt.expr("datum.dy"))
    gaps, tests = (alt.Chart(known(rows, f"{name}_low")).mark_rule(opacity=0.35) for name in ("gap", "test"))
    return (
        level.encode(y="test_mean:Q")
        + gaps.encode(x="gap_low:Q", x2="gap_high:Q", y=y, color=colour)
        + tests.encode(x=x, y="test_low:Q", y2="test_high:Q", color=colour)
        + base.mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y)
        + text.encode(x=x, y=y, text="number:N")
    ).properties(height=380)


def placed(points: pd.DataFrame, width: float = 560, height: float = 380) -> pd.DataFrame:
    """Adds dx and dy (pixels) of each point's label, away from the other points and labels, greedily."""
    pixels = [(0.0, 0.0)] * len(points)
    spans = [
        (points[name].min(), max(points[name].max() - points[name].min(), 1e-9)) for name in ("gap_mean", "test_mean")
    ]
    (left, wide), (low, high) = spans
    pixels = [
        (width * (x - left) / wide, -height * (y - low) / high)
        for x, y in zip(points.gap_mean, points.test_mean, strict=True)
    ]
    offsets = [
        (11, -8),
        (-11, -8),
        (11, 9),
        (-11, 9),
        (0, -13),
        (0, 13),
        (15, 0),
        (-15, 0),
        (20, -14),
        (-20, -14),
        (20, 14),
    ]
    taken = list(pixels)
    chosen = []
    for x, y in pixels:
        crowds = [sum(_near(x + dx, y + dy, *other) for other in taken) for dx, dy in offsets]
        dx, dy = offsets[crowds.index(min(crowds))]
        taken.append((x + dx, y + dy))
        chosen.append((dx, dy))
    return points.assign(dx=[dx for dx, _ in chosen], dy=[dy for _, dy in chosen])


def _near(x: float, y: float, other_x: float, other_y: float) -> float:
    return max(0.0, 1 - abs(x - other_x) / 16) * max(0.0, 1 - abs(y - other_y) / 13)

"""Heat maps in Altair, each from one prepared data frame (see frames.py): policies and confusions.

Shades are opacities of one colour, which suit light and dark pages alike.
"""

from typing import Any

import altair as alt
import pandas as pd

from valgap.document.palette import BLUE, INK, PAPER, VERMILION

TEXT_UP_TO = 12  # classes whose confusion matrix holds readable numbers


def policy_map(rows: pd.DataFrame) -> alt.LayerChart:
    """Validation accuracy of every variant under every policy; outlined where `own`, trained with that policy."""
    low, high = rows["mean"].min(), rows["mean"].max()
    shade = (rows["mean"] - low) / max(high - low, 1e-9)
    rows = rows[["variant", "policy", "mean", "own"]].assign(shade=shade.round(3))
    base = alt.Chart(rows).encode(
        x=alt.X(
            "policy:N", sort=None, title=None, axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False)
        ),
        y=alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False)),
    )
    return (
        base.mark_rect(color=BLUE).encode(fillOpacity=_shading("shade"))
        + base.transform_filter("datum.own").mark_rect(filled=False, stroke=VERMILION, strokeWidth=3)
        + base.mark_text(fontSize=12).encode(text=alt.Text("mean:Q", format=".1f"), color=_on_shade("shade", 0.6))
    ).properties(height=alt.Step(24))


def _shading(field: str, high: float = 1) -> alt.FillOpacity:
    return alt.FillOpacity(f"{field}:Q", scale=alt.Scale(domain=[0, high], range=[0, 1]), legend=None)


def _on_shade(field: str, limit: float) -> Any:
    return alt.condition(f"datum.{field} > {limit}", alt.value(PAPER), alt.value(INK))


def confusion(rows: pd.DataFrame) -> alt.LayerChart:
    """Percent of each actual class (row) predicted as each class (column)."""
    order = list(rows["actual"].unique())
    base = alt.Chart(rows[["actual", "predicted", "percent"]]).encode(
        x=alt.X("predicted:N", sort=order, title="predicted", axis=alt.Axis(labelAngle=-45)),
        y=alt.Y("actual:N", sort=order, title="actual"),
    )
    heat = base.mark_rect(color=BLUE).encode(fillOpacity=_shading("percent", 100))
    if len(order) > TEXT_UP_TO:
        return alt.layer(heat).properties(height=380)
    text = base.mark_text(fontSize=10).encode(text=alt.Text("percent:Q", format=".0f"), color=_on_shade("percent", 50))
    return (heat + text).properties(height=320)

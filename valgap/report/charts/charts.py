"""The figures of report.md as Altair charts, saved as SVG and PNG. Adding one is a function and its entry in CHARTS.

Every function takes the tables by name and verdict.json.
"""

from collections.abc import Callable
from typing import Any

import altair as alt
import pandas as pd

from valgap.document.palette import PALETTE
from valgap.report import frames
from valgap.report.charts import heatmaps, panels, scatter
from valgap.report.frames import Tables
from valgap.results.summary import BASELINE
from valgap.stats.verdict import Verdict

__all__ = ["CHARTS", "PALETTE", "Tables"]

WIDTH = 560
KEY_ROWS = 20  # of one column of the key beside accuracy_and_gap
SCORES = {"accuracy": "accuracy (%)", "nll": "NLL (nats)"}


def accuracy_and_gap(tables: Tables, verdict: Verdict) -> alt.TopLevelMixin:
    """Test accuracy against the fair gap: a small gap is worth something only high up. Numbers are explained beside."""
    points, metric = frames.accuracy_gap(tables, verdict), frames.metric_words(verdict)
    chart = scatter.accuracy_and_gap(points, frames.compared(tables, verdict), metric)
    key = pd.DataFrame(
        {
            "name": [f"{row.number}  {row.variant}" for row in points.itertuples()],
            "row": [index % KEY_ROWS for index in range(len(points))],
            "column": [index // KEY_ROWS for index in range(len(points))],
        }
    )
    columns = 1 + (len(points) - 1) // KEY_ROWS
    names = (
        alt.Chart(key)
        .mark_text(align="left", fontSize=11)
        .encode(
            x=alt.X("column:Q", axis=None, scale=alt.Scale(domain=[0, columns])),
            y=alt.Y("row:O", axis=None),
            text="name:N",
        )
        .properties(width=170 * columns, height=alt.Step(18), view=alt.ViewConfig(stroke=None))
    )
    title = f"{metric.capitalize()} against gap, with 95% intervals; dashed: as good as the baseline"
    return alt.hconcat(chart.properties(width=WIDTH), names).properties(title=title)


def differences(tables: Tables, verdict: Verdict) -> alt.TopLevelMixin:
    """The forest plot: paired differences to the baseline. Colour and words are for confirmatory contrasts alone."""
    rows, metric = frames.effects(tables["contrasts"], verdict), frames.metric_words(verdict)
    chart = panels.forest(rows, 100 * verdict.margin, metric).properties(width=WIDTH)
    lines = [
        "coloured, with a word: confirmatory, adjusted intervals; grey: exploratory, 95% intervals; band: the margin"
    ]
    return chart.properties(title=alt.TitleParams("Paired differences to the baseline", subtitle=lines, anchor="start"))


def learning_curves(score: str) -> Callable[[Tables, Verdict], alt.TopLevelMixin]:
    """A chart of `accuracy` or `nll` on training and validation images along a run, with 95% bands."""

    def chart(tables: Tables, verdict: Verdict) -> alt.TopLevelMixin:
        names, curves = frames.shown(tables, verdict), tables["curves"]
        limits = curve_domain(curves, names, score)
        parts = [
            panels.learning_curve(
                frames.curve(curves, name, score), SCORES[score], limits, divergence(verdict, name, score), legend=True
            ).properties(width=220, title=name)
            for name in names
        ]
        title = "Learning curves: inference mode, un-augmented, mean and 95% band over replicates"
        return alt.concat(*parts, columns=3).properties(title=title)

    return chart


def curve_domain(curves: pd.DataFrame, variants: list[str], score: str) -> list[float]:
    """The lowest and the highest mean or limit among the variants' curves: all panels share it."""
    both = pd.concat([frames.curve(curves, name, score) for name in variants])[["mean", "low", "high"]]
    return [float(both.min().min()), float(both.max().max())]


def divergence(verdict: Verdict, variant: str, score: str) -> float | None:
    """The epoch from which the baseline's validation loss rises, for its own loss curve; else None."""
    applies = variant == BASELINE and score == "nll" and verdict.divergence.verdict == "problematic"
    return verdict.divergence.from_epoch if applies else None


def dose_response(tables: Tables, verdict: Verdict) -> alt.TopLevelMixin:
    """Accuracy along every dose: test with its interval, validation and training in the background."""
    parts = [
        panels.dose(frames.dose(tables, verdict, name), name, "accuracy (%)", legend=True).properties(
            width=300, title=name
        )
        for name in verdict.doses
    ]
    return alt.concat(*(parts or [_empty("no dose has two variants")]), columns=2).properties(title="Dose and response")


def reliability(tables: Tables, verdict: Verdict) -> alt.TopLevelMixin:
    """How often the network is right against how sure it is, for the baseline and the remedy."""
    names = frames.compared(tables, verdict)
    chart = panels.reliability(frames.reliability(tables, names), names, legend=True)
    return chart.properties(
        width=340, height=340, title="Reliability on test images; on the dashed line sureness is earned"
    )


def confusion_matrix(tables: Tables, verdict: Verdict) -> alt.TopLevelMixin:
    """Share of each actual class predicted as each class, for the baseline and the remedy."""
    parts = [
        heatmaps.confusion(frames.confusion(tables, name)).properties(width=320, height=320, title=name)
        for name in frames.compared(tables, verdict)
    ]
    return alt.hconcat(*parts).properties(
        title="Test images: percent of the actual class (row) predicted as each class"
    )


def _empty(text: str) -> alt.Chart:
    return alt.Chart(pd.DataFrame({"text": [text]})).mark_text().encode(text="text:N").properties(width=300, height=60)


CHARTS: dict[str, Callable[[Tables, Verdict], Any]] = {
    "accuracy_and_gap": accuracy_and_gap,
    "differences": differences,
    "learning_curves_accuracy": learning_curves("accuracy"),
    "learning_curves_nll": learning_curves("nll"),
    "dose_response": dose_response,
    "reliability": reliability,
    "confusion_matrix": confusion_matrix,
}

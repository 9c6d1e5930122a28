"""The report's figures as Altair charts. Adding one is a function and its entry in CHARTS.

Every function takes the tables by name (summary, curves, confusion) and the variants in their order.
"""

from collections.abc import Callable

import altair as alt
import pandas as pd

Tables = dict[str, pd.DataFrame]

# Okabe and Ito's palette, told apart by colour-blind readers too.
PALETTE = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
SPLIT_COLOURS = alt.Scale(domain=["train", "val"], range=["#0072B2", "#D55E00"])


def accuracy_and_gap(tables: Tables, variants: list[str]) -> alt.TopLevelMixin:
    """Test accuracy against the fair gap: a small gap is worth something only high up."""
    summary = tables["summary"].set_index(["split", "metric", "variant"]).sort_index()
    points = pd.concat(
        [
            _percent(summary.loc["test", "accuracy"]).add_prefix("test_"),
            _percent(summary.loc["train-val", "gap"]).add_prefix("gap_"),
        ],
        axis=1,
    ).loc[variants].reset_index()  # fmt: skip
    x = alt.X("gap_mean:Q", title="gap: training − validation accuracy (pp)", scale=alt.Scale(zero=False))
    y = alt.Y("test_mean:Q", title="test accuracy (%)", scale=alt.Scale(zero=False))
    colour = alt.Color("variant:N", sort=variants, scale=alt.Scale(domain=variants, range=PALETTE), legend=None)
    base = alt.Chart(points).encode(color=colour)
    return (
        base.mark_rule().encode(x="gap_low:Q", x2="gap_high:Q", y=y)
        + base.mark_rule().encode(x=x, y="test_low:Q", y2="test_high:Q")
        + base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y)
        + _labels(base, variants[::2], align="left", dx=7, dy=-8).encode(x=x, y=y)
        + _labels(base, variants[1::2], align="right", dx=-7, dy=10).encode(x=x, y=y)
    ).properties(width=560, height=340, title="Accuracy against gap, with 95% intervals")


def differences(tables: Tables, variants: list[str]) -> alt.TopLevelMixin:
    """Paired difference of test accuracy to the baseline, with its adjusted interval."""
    summary = tables["summary"]
    rows = summary[(summary.split == "test") & (summary.metric == "accuracy") & summary.difference_mean.notna()]
    rows = rows.assign(**{name: rows[name] * 100 for name in ("difference_mean", "difference_low", "difference_high")})
    base = alt.Chart(rows).encode(y=alt.Y("variant:N", sort=variants, title=None))
    x = alt.X("difference_mean:Q", title="difference in test accuracy to the baseline (pp)")
    return (
        alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color="#888", strokeDash=[4, 4]).encode(x=alt.X("zero:Q"))
        + base.mark_rule(strokeWidth=2).encode(x="difference_low:Q", x2="difference_high:Q")
        + base.mark_point(filled=True, size=80, opacity=1).encode(x=x)
    ).properties(width=560, height=alt.Step(34), title="Paired differences, with intervals adjusted for their number")


def learning_curves(score: str, title: str) -> Callable[[Tables, list[str]], alt.TopLevelMixin]:
    """A chart of `accuracy` or `nll` on training and validation images along a run, with 95% bands."""

    def chart(tables: Tables, variants: list[str]) -> alt.TopLevelMixin:
        parts = []
        for split in ("train", "val"):
            name = f"{split}_{score}"
            columns = {name: "mean", f"{name}_low": "low", f"{name}_high": "high"}
            parts.append(tables["curves"][["variant", "epoch", *columns]].rename(columns=columns).assign(split=split))
        base = alt.Chart().encode(
            x=alt.X("epoch:Q", title="epoch"),
            color=alt.Color("split:N", scale=SPLIT_COLOURS, legend=alt.Legend(title=None, orient="top")),
        )
        y = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False))
        layers = base.mark_area(opacity=0.25).encode(y="low:Q", y2="high:Q") + base.mark_line(point=True).encode(y=y)
        facet = alt.Facet("variant:N", sort=variants, title=None, header=alt.Header(labelFontSize=13))
        return (
            layers.properties(width=200, height=150)
            .facet(facet, columns=3, data=pd.concat(parts))
            .properties(title="Learning curves: inference mode, un-augmented, mean and 95% band over replicates")
        )

    return chart


def confusion_matrix(tables: Tables, variants: list[str]) -> alt.TopLevelMixin:
    """Share of each actual class predicted as each class, for the baseline and the best other by validation."""
    summary = tables["summary"]
    by_validation = summary[(summary.split == "val") & (summary.metric == "accuracy")].set_index("variant")["mean"]
    shown = [variants[0], *([str(by_validation[variants[1:]].idxmax())] if variants[1:] else [])]
    counts = tables["confusion"]
    counts = counts[counts.variant.isin(shown)]
    total = counts.groupby(["variant", "actual"])["count"].transform("sum")
    counts = counts.assign(percent=100 * counts["count"] / total)
    order = list(counts["actual"].unique())
    base = alt.Chart().encode(
        x=alt.X("predicted:N", sort=order, title="predicted"), y=alt.Y("actual:N", sort=order, title="actual")
    )
    heat = base.mark_rect().encode(color=alt.Color("percent:Q", scale=alt.Scale(scheme="blues"), legend=None))
    text = base.mark_text(fontSize=10).encode(
        text=alt.Text("percent:Q", format=".0f"),
        color=alt.condition("datum.percent > 50", alt.value("white"), alt.value("black")),
    )
    return (
        (heat + text)
        .properties(width=300, height=300)
        .facet(alt.Facet("variant:N", sort=shown, title=None, header=alt.Header(labelFontSize=13)), data=counts)
        .properties(title="Test images: percent of the actual class (row) predicted as each class")
    )


CHARTS: dict[str, Callable[[Tables, list[str]], alt.TopLevelMixin]] = {
    "accuracy_and_gap": accuracy_and_gap,
    "differences": differences,
    "learning_curves_accuracy": learning_curves("accuracy", "accuracy"),
    "learning_curves_nll": learning_curves("nll", "NLL (nats)"),
    "confusion_matrix": confusion_matrix,
}


def _labels(base: alt.Chart, variants: list[str], **text: object) -> alt.Chart:
    """Variants' names beside their points; neighbours on opposite sides, so that few overlap."""
    named = alt.FieldOneOfPredicate(field="variant", oneOf=variants)
    return base.transform_filter(named).mark_text(fontSize=12, **text).encode(text="variant:N")


def _percent(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["mean", "low", "high"]] * 100

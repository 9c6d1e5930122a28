"""Sections of report.html on what the interventions did: effects, accuracy and gap, learning curves."""

from typing import Any

from valgap.document.numbers import UNKNOWN, estimate, joined, limits, number, text_of
from valgap.document.parts import Figure, Panel, Section, Table, panel
from valgap.report import frames
from valgap.report.charts import charts, panels, scatter
from valgap.report.frames import Tables
from valgap.report.tables import REFERENCES, columns_of
from valgap.results.summary import BASELINE, cell
from valgap.stats.verdict import Verdict

SIGNED = "{:+.1f}"
SPLIT_LEGEND = (("training", "blue"), ("validation", "vermilion square"))


def interventions(tables: Tables, verdict: Verdict) -> Section:
    """The forest plot."""
    rows, metric = frames.effects(tables["contrasts"], verdict), frames.metric_words(verdict)
    margin = 100 * verdict.margin
    decided = rows[rows.confirmatory]
    takeaway = "; ".join(f"{row.variant} {number(row.mean, SIGNED)} pp, {row.word}" for row in decided.itertuples())
    text = (
        f"Differences in {metric} to the baseline. Confirmatory: {takeaway or 'none'}. "
        f"{len(rows) - len(decided)} exploratory."
    )
    paragraphs = (
        f"Each row changes one thing and compares {metric} with the baseline on the same replicates. Only rows in "
        "colour were "
        "declared before the run (or chosen on other replicates) and carry a verdict word, which comes from the "
        "interval drawn; "
        "their intervals are adjusted for their number. Grey rows are exploratory: 95% intervals one by one, of "
        "which some miss.",
    )
    if rows.empty:
        return Section(
            "interventions", "What each change did", ("Nothing is compared: only the baseline was trained.",)
        )
    chart = panels.forest(rows, margin, metric)
    height = panels.FOREST_STEP * (len(rows) + rows.title.nunique()) + 50
    figure = Figure(
        f"Paired differences to the baseline. Dashed: no difference. Band: the margin of ±{number(margin)} pp.",
        (panel("forest", chart, text, height=height),),
        (_effects_table(rows, metric),),
        (("primary of its cause", "blue"), ("chosen remedy", "vermilion diamond"), ("exploratory", "grey")),
        layout="one",
    )
    return Section("interventions", "What each change did", paragraphs, (figure,))


def _effects_table(rows: Any, metric: str) -> Table:
    listed = tuple(
        (
            row.label, row.title, text_of(row.kind), row.word if row.confirmatory else "exploratory",
            number(row.n, "{:d}"),
            number(row.mean, SIGNED), limits(row.low, row.high, SIGNED), number(100 * row.confidence, "{:.2f}"),
            text_of(row.wins), number(row.mde), number(row.correlation, "{:+.2f}"), number(row.max_t_p, "{:.4f}"),
        )
        for row in rows.itertuples()
    )  # fmt: skip
    headings = (
        "variant", "cause", "kind", "verdict", "n", "difference (pp)", "interval", "confidence %", "replicates above",
        "detectable (pp)", "correlation", "joint p",
    )  # fmt: skip
    caption = (
        f"Difference in {metric} to the baseline, test images, paired by replicate. Detectable: the effect that "
        "would have "
        "been found with 80% probability. Correlation: what pairing bought. Joint p: sign flips, a check, not the "
        "verdict."
    )
    return Table(caption, headings, listed, texts=4)


def accuracy_and_gap(tables: Tables, verdict: Verdict) -> Section:
    """Accuracy against gap, and the results of all variants."""
    points, metric = frames.accuracy_gap(tables, verdict), frames.metric_words(verdict)
    highlighted = frames.compared(tables, verdict)
    lowest = points.loc[points.gap_mean.idxmin()]
    base = frames.baseline_score(tables, "test", verdict.metric)
    text = (
        f"The smallest gap, {number(lowest.gap_mean)} pp, is that of {lowest.variant}, with "
        f"{number(lowest.test_mean)}% "
        f"{metric}; the baseline has {number(base)}%."
    )
    chart = scatter.accuracy_and_gap(points, highlighted, metric)
    legend = [(name, colour) for name, colour in zip(highlighted, ("ink", "blue"), strict=False)]
    figure = Figure(
        f"{metric.capitalize()} against the fair gap, with 95% intervals. All points on the dashed line are as good "
        "as the "
        "baseline on test images, whatever their gap.",
        (panel("gap", chart, text, height=430),),
        (_results_table(tables, verdict),),
        (*legend, ("other variants", "grey")),
        tuple((row.number, str(row.variant)) for row in points.itertuples()),
        layout="one",
    )
    paragraphs = (
        "A small gap is worth something only high up: left and down is underfitting, up is better. The gap is "
        "training minus "
        "validation accuracy, both scored in inference mode on un-augmented images.",
    )
    return Section("gap", "Accuracy against gap", paragraphs, (figure,))


def _results_table(tables: Tables, verdict: Verdict) -> Table:
    names = frames.variants_of(tables["summary"])
    columns = columns_of(tables["summary"], verdict.metric)
    rows = []
    for index, name in enumerate([*names, *REFERENCES]):
        cells = [
            (cell(tables["summary"], name, split, metric), *((100, "{:.1f}") if scaled else (1, "{:.3f}")))
            for _, split, metric, scaled in columns
        ]
        numbers = [
            UNKNOWN if found is None else estimate(found.mean * scale, found.low * scale, found.high * scale, form)
            for found, scale, form in cells
        ]
        label = f"{index + 1} {name}" if name in names else name.replace("_", " ") + " (reference)"
        rows.append((label, *numbers))
    caption = (
        "All variants: means over replicates with 95% intervals. Scored at the last step unless the variant "
        "restores an "
        "earlier one. Validation columns show where choosing was done; test columns took no part in any choice."
    )
    return Table(caption, ("variant", *(heading for heading, *_ in columns)), tuple(rows))


def learning_curves(tables: Tables, verdict: Verdict) -> Section:
    """Learning curves of the baseline, the remedy and a few others."""
    names, curves = frames.shown(tables, verdict), tables["curves"]
    figures = []
    for score, form in (("nll", "{:.3f}"), ("accuracy", "{:.1f}")):
        title, domain = charts.SCORES[score], charts.curve_domain(curves, names, score)
        drawn: list[Panel] = []
        rows = []
        for name in names:
            of_variant = frames.curve(curves, name, score)
            epoch = charts.divergence(verdict, name, score)
            last = of_variant.groupby("series")["mean"].last()
            text = (
                f"{name}: at the last step training {number(last['training'], form)}, validation "
                f"{number(last['validation'], form)}"
            )
            text += (
                f" {title}."
                if epoch is None
                else f" {title}; validation loss was lowest at epoch {epoch:.0f} and rises."
            )
            chart = panels.learning_curve(of_variant, title, domain, epoch)
            drawn.append(panel(f"curve-{score}-{names.index(name)}", chart, text, name, height=240))
            rows += _curve_rows(name, of_variant, form)
        headings = ("variant", "epoch", "training", "validation")
        scored = f"Learning curves, {title}: mean over replicates and 95% band at each evaluation."
        table = Table(scored, headings, tuple(rows))
        rule = " Dashed: the epoch at which the baseline's validation loss was lowest." if score == "nll" else ""
        caption = f"Learning curves, {title}: mean and 95% band over replicates.{rule if _diverges(verdict) else ''}"
        figures.append(Figure(caption, tuple(drawn), (table,), SPLIT_LEGEND))
    paragraphs = (f"Shown: {joined(names)}. Both splits are scored alike, in inference mode, on images as they are.",)
    return Section("curves", "Learning curves", paragraphs, tuple(figures))


def _curve_rows(name: str, rows: Any, form: str) -> list[tuple[str, ...]]:
    listed: dict[float, list[str]] = {}
    for row in rows.itertuples():  # training comes first
        listed.setdefault(row.epoch, []).append(estimate(row.mean, row.low, row.high, form))
    return [(name, number(epoch), *texts) for epoch, texts in listed.items()]


def _diverges(verdict: Verdict) -> bool:
    return charts.divergence(verdict, BASELINE, "nll") is not None

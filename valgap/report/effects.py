"""Sections on what the interventions did: the contrasts, and the results of all variants."""

from typing import Any

import pandas as pd

from valgap.document.numbers import COUNT, NATS, PLAIN, SHARE, UNKNOWN, Form, text_of
from valgap.document.parts import Figure, Panel, Section, Table
from valgap.document.text import named, plain
from valgap.report import frames
from valgap.report.charts import panels, scatter
from valgap.report.inputs import REFERENCES, Inputs
from valgap.report.words import paragraphs, sentence
from valgap.results.summary import BASELINE
from valgap.stats.measures import listed
from valgap.stats.metrics import METRICS

DIFFERENCE = Form(signed=True)  # of percentage points, under a heading that says pp
CORRELATION = Form(decimals=2, signed=True)
NATS_DIFFERENCE = Form(decimals=3, signed=True)
P_VALUE = Form(decimals=4)
CONFIDENCE = Form(decimals=2, scale=100)


def effects(inputs: Inputs) -> Section:
    """The forest plot, the confirmatory contrasts and all others."""
    rows, margin = frames.effects(inputs), inputs.verdict.margin
    if rows.empty:
        return Section("effects", "What each change did", (sentence("nothing_compared"),))
    decided = rows[rows.confirmatory]
    takeaway = [f"{plain(row.variant)} {DIFFERENCE(row.mean)} pp, {row.word}" for row in decided.itertuples()]
    exploratory = len(rows) - len(decided)
    alt = sentence("effects_alt", metric=inputs.metric, decided=takeaway, exploratory=exploratory)
    height = panels.FOREST_STEP * (len(rows) + rows.title.nunique()) + 50
    tables = [_confirmatory(inputs, decided)] if len(decided) else []
    figure = Figure(
        "differences",
        sentence("effects_figure", margin=margin),
        (Panel("differences", alt, panels.forest(rows, 100 * margin, inputs.metric), height=height),),
        (*tables, _every_variant(inputs)),
        legend=(("primary of its cause", "blue"), ("chosen remedy", "vermilion diamond"), ("exploratory", "grey")),
        columns=1,
    )
    said = paragraphs("effects", metric=inputs.metric, margin=margin, confirmatory=len(decided))
    return Section("effects", "What each change did", (*said, figure))


def _confirmatory(inputs: Inputs, rows: pd.DataFrame) -> Table:
    """The family on which verdict words stand, each with its adjusted interval."""
    cells = [
        (
            named(row.variant),
            "chosen remedy, fresh replicates" if row.role == "remedy" else f"primary, {row.title}",
            row.word,
            COUNT(row.n),
            DIFFERENCE.estimate(row),
            CONFIDENCE(row.confidence),
            text_of(row.wins),
            PLAIN(row.mde),
            CORRELATION(row.correlation),
            P_VALUE(row.max_t_p),
        )
        for row in rows.itertuples()
    ]
    measured = ("n", f"{inputs.metric} (pp)", "confidence %", "replicates above", "detectable (pp)")
    headings = ("variant", "as", "verdict", *measured, "correlation", "joint p")
    caption = sentence("confirmatory_table", metric=inputs.metric)
    return Table(caption, headings, tuple(cells), texts=3, folded=False)


def _every_variant(inputs: Inputs) -> Table:
    """Every variant against its control, without verdict words; gap and NLL beside it."""
    rows = frames.contrasts(inputs)
    cells = [
        (
            _compared(row),
            row.title,
            row.kind or "–",
            COUNT(row.n),
            DIFFERENCE.estimate(row),
            text_of(row.wins),
            CORRELATION(row.correlation),
            DIFFERENCE(100 * row.gap),
            NATS_DIFFERENCE(row.nll),
        )
        for row in rows[~rows.role.isin(frames.CONFIRMATORY)].itertuples()
    ]
    measured = ("n", f"{inputs.metric} (pp)", "replicates above", "correlation", "gap (pp)", "NLL")
    caption = sentence("every_variant_table", metric=inputs.metric)
    return Table(caption, ("variant", "cause", "kind", *measured), tuple(cells), texts=3, folded=False)


def _compared(row: Any) -> str:
    against = "" if row.against == BASELINE else f" against {named(row.against)}"
    return f"{named(row.variant)}{against}{' (chosen strength)' if row.role == 'strength' else ''}"


def results(inputs: Inputs) -> Section:
    """Accuracy against gap, and the scores of all variants."""
    points, highlighted = frames.accuracy_gap(inputs), inputs.compared
    lowest, baseline = points.loc[points.gap_mean.idxmin()], inputs.score(BASELINE, "test", inputs.verdict.metric)
    alt = sentence(
        "results_alt",
        gap=lowest.gap_mean / 100,
        variant=lowest.variant,
        score=lowest.test_mean / 100,
        metric=inputs.metric,
        baseline=baseline.mean if baseline else None,
    )
    chart = scatter.accuracy_and_gap(points, highlighted, inputs.metric)
    figure = Figure(
        "accuracy_and_gap",
        sentence("results_figure", metric=inputs.metric),
        (Panel("accuracy-and-gap", alt, chart, height=430),),
        (_scores(inputs),),
        legend=(*zip(map(plain, highlighted), ("ink", "blue"), strict=False), ("other variants", "grey")),
        key=tuple((row.number, plain(row.variant)) for row in points.itertuples()),
        columns=1,
    )
    found = inputs.provenance.data
    said = paragraphs("results", selected=inputs.restored, data=found, covers=inputs.verdict.covers)
    return Section("results", "Results", (said[0], figure, *said[1:]))


def _scores(inputs: Inputs) -> Table:
    """Means over replicates of the variants and the references, in the columns that the task has.

    A score that stands in for another is shown where the verdict rests on it.
    """
    unasked = {name for name, metric in METRICS.items() if metric.stands_in and name != inputs.verdict.metric}
    known = set(inputs.tables["summary"].metric) - unasked
    measures = [measure for measure in listed() if measure.metric in known]
    rows = []
    for place, name in enumerate([*inputs.variants, *REFERENCES]):
        cells = [(SHARE if each.percent else NATS, inputs.score(name, each.split, each.metric)) for each in measures]
        label = REFERENCES.get(name) or f"{place + 1} {named(name)}"
        rows.append((label, *(form.estimate(found) if found else UNKNOWN for form, found in cells)))
    caption = sentence("results_table", replicates=inputs.verdict.replicates)
    return Table(caption, ("variant", *(measure.heading for measure in measures)), tuple(rows), folded=False)

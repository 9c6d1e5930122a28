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
    """The forest plot, what decides on each cause, the remedies, and every arm."""
    title, rows, margin = "What each change did", frames.effects(inputs), inputs.verdict.margin
    if rows.empty:
        return Section("effects", title, (sentence("nothing_compared"),))
    decided = rows[rows.is_cause]
    takeaway = [f"{row.title} {DIFFERENCE(row.mean)} pp, {row.word}" for row in decided.itertuples()]
    alt = sentence("effects_alt", metric=inputs.metric, decided=takeaway, arms=len(rows) - len(decided))
    height = panels.FOREST_STEP * (len(rows) + rows.title.nunique()) + 50
    tables = [_causes(inputs, decided), _after(inputs), _remedies(inputs), _every_variant(inputs)]
    figure = Figure(
        "differences",
        sentence("effects_figure", margin=margin),
        (Panel("differences", alt, panels.forest(rows, 100 * margin, inputs.metric), height=height),),
        tuple(table for table in tables if table.rows),
        legend=(("a cause, by its best arm", "blue"), ("one arm, exploratory", "grey")),
        columns=1,
    )
    said = paragraphs("effects", metric=inputs.metric, margin=margin, causes=len(decided), found=inputs.verdict)
    return Section("effects", title, (*said, *_precision(inputs), figure))


def _precision(inputs: Inputs) -> list[str]:
    """What arms that differ from the baseline by their precision alone cost, a sentence each."""
    found = inputs.provenance.variants
    arms = [name for name, each in found.items() if each.diff.keys() == {"precision"}]
    rows = frames.contrasts(inputs)
    rows = rows[rows.variant.isin(arms) & (rows.against == BASELINE)].drop_duplicates("variant")
    return [
        sentence(
            "precision",
            variant=named(row.variant),
            precision=found[row.variant].diff["precision"],
            metric=inputs.metric,
            mean=row.mean / 100,
            low=row.low / 100,
            high=row.high / 100,
            n=row.n,
            margin=inputs.verdict.margin,
        )
        for row in rows.itertuples()
    ]


def _causes(inputs: Inputs, rows: pd.DataFrame) -> Table:
    """The family on which verdict words stand, each with its adjusted interval."""
    joint = "max_t_p" in rows
    cells = [
        (
            row.title,
            joined_arms(row.variant) + _against(row),
            row.word,
            COUNT(row.n),
            DIFFERENCE.estimate(row),
            CONFIDENCE(row.confidence),
            text_of(row.wins),
            PLAIN(row.mde),
            CORRELATION(row.correlation),
            *([P_VALUE(row.max_t_p)] if joint else []),
        )
        for row in rows.itertuples()
    ]
    measured = ("n", f"{inputs.metric} (pp)", "confidence %", "replicates above", "detectable (pp)", "correlation")
    headings = ("cause", "arms chosen", "verdict", *measured, *(["joint p"] if joint else []))
    caption = sentence("causes_table", metric=inputs.metric, joint=joint)
    return Table(caption, headings, tuple(cells), texts=3, folded=False)


def joined_arms(variant: str) -> str:
    """The arms of a cause's contrast, each as code."""
    return " or ".join(map(named, dict.fromkeys(variant.split(frames.JOIN))))


def _after(inputs: Inputs) -> Table:
    """What a cause's arm adds where the causes before it are removed already."""
    rows = frames.contrasts(inputs)
    cells = [
        (row.title, named(row.variant), named(row.against), COUNT(row.n), DIFFERENCE.estimate(row), text_of(row.wins))
        for row in rows[rows.role == "after"].itertuples()
    ]
    headings = ("cause", "arm", "against", "n", f"{inputs.metric} (pp)", "replicates above")
    return Table(sentence("after_table", metric=inputs.metric), headings, tuple(cells), texts=3, folded=False)


def _remedies(inputs: Inputs) -> Table:
    """Every arm that could be a remedy, with simultaneous intervals, the best first."""
    rows = frames.contrasts(inputs)
    rows = rows[rows.role == "remedy"].sort_values("mean", ascending=False, kind="stable")
    best = {remedy.variant: remedy for remedy in inputs.verdict.remedies.best}
    cells = [
        (
            named(row.variant),
            "may be the best" if row.variant in best else "",
            COUNT(row.n),
            DIFFERENCE.estimate(row),
            text_of(row.wins),
            DIFFERENCE(100 * row.gap),
            NATS_DIFFERENCE(row.nll),
            f"{best[row.variant].relative_compute:g}" if row.variant in best else "",
        )
        for row in rows.itertuples()
    ]
    measured = ("n", f"{inputs.metric} (pp)", "replicates above", "gap (pp)", "NLL", "× computation")
    caption = sentence("remedies_table", metric=inputs.metric, remedies=inputs.verdict.remedies)
    return Table(caption, ("variant", "", *measured), tuple(cells), texts=2, folded=False)


def _every_variant(inputs: Inputs) -> Table:
    """Every variant against its control, without verdict words; gap and NLL beside it."""
    rows = frames.contrasts(inputs)
    cells = [
        (
            f"{named(row.variant)}{_against(row)}",
            row.title,
            row.kind or "–",
            COUNT(row.n),
            DIFFERENCE.estimate(row),
            text_of(row.wins),
            CORRELATION(row.correlation),
            DIFFERENCE(100 * row.gap),
            NATS_DIFFERENCE(row.nll),
        )
        for row in rows[~rows.role.isin(["cause", "after", "remedy"])].itertuples()
    ]
    measured = ("n", f"{inputs.metric} (pp)", "replicates above", "correlation", "gap (pp)", "NLL")
    caption = sentence("every_variant_table", metric=inputs.metric)
    return Table(caption, ("variant", "cause", "kind", *measured), tuple(cells), texts=3, folded=False)


def _against(row: Any) -> str:
    return "" if row.against == BASELINE else f" against {named(row.against)}"


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

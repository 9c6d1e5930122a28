"""Sections on single predictions: reliability, classes, confusions, the hardest images."""

import pandas as pd

from valgap.document.numbers import COUNT, PERCENT, PLAIN, SHARE, text_of
from valgap.document.parts import Example, Figure, Gallery, Panel, Picture, Section, Table
from valgap.document.text import named, plain
from valgap.report import frames
from valgap.report.charts import heatmaps, panels
from valgap.report.effects import DIFFERENCE
from valgap.report.inputs import Inputs
from valgap.report.words import paragraphs, sentence
from valgap.results.summary import BASELINE
from valgap.stats.intervals import wilson
from valgap.stats.verdict import Estimate

LOOKS = ("ink", "blue diamond", "vermilion square", "orange triangle", "grey")
NORMAL = 1.959964  # the .975 quantile of the standard normal distribution


def reliability(inputs: Inputs) -> Section:
    """The reliability diagram."""
    rows, names = frames.reliability(inputs), inputs.compared
    errors = [(name, inputs.score(name, "test", "ece")) for name in names]
    said = sentence("reliability", errors=[f"{plain(name)} {PERCENT(found.mean)}" for name, found in errors if found])
    listed = [
        (
            named(row.variant),
            f"{10 * row.bin} to {10 * row.bin + 10}",
            COUNT(row.predictions),
            PLAIN(row.confidence),
            PLAIN(row.accuracy),
        )
        for row in rows.itertuples()
    ]
    headings = ("variant", "confidence from (%)", "predictions", "mean confidence (%)", "right (%)")
    figure = Figure(
        "reliability",
        sentence("reliability_figure"),
        (Panel("reliability", said, panels.reliability(rows, names), height=370),),
        (Table(sentence("reliability_table"), headings, tuple(listed)),),
        legend=tuple(zip(map(plain, names), ("ink", "blue"), strict=False)),
        columns=2,
    )
    return Section("reliability", "Is it as sure as it should be?", (said, figure))


def classes(inputs: Inputs) -> Section:
    """Per-class recall of the baseline and the remedy, and of the long-tailed arms."""
    tail = frames.long_tailed(inputs)
    unequal = [BASELINE, *tail]
    figures = [_recalls(inputs, inputs.compared, "recall"), *([_recalls(inputs, unequal, "tail")] if tail else [])]
    tables = [_balanced(inputs, unequal), _against(inputs)] if tail else []
    said = paragraphs("classes", tail=tail)
    shown = [table for table in (*tables, _extremes(inputs)) if table.rows]
    return Section("classes", "Class by class", (*said, *figures, *shown))


def _recalls(inputs: Inputs, names: list[str], name: str) -> Figure:
    rows, caption = frames.recalls(inputs, names), sentence(f"{name}_figure")
    listed = [
        (plain(row["class"]), named(row["variant"]), COUNT(row["images"]), PLAIN.estimate(_estimate(row)))
        for _, of_class in rows.groupby("class", sort=False)
        for row in of_class.to_dict("records")
    ]
    headings = ("class", "variant", "test images", "recall %, lowest to highest")
    worst, best = _ends(rows[rows.variant == names[0]])
    alt = sentence("recall_alt", variant=names[0], worst=worst, best=best)
    height = max(9, 22 // len(names)) * len(names) * rows["class"].nunique() + 60
    return Figure(
        name,
        caption,
        (Panel(name, alt, panels.recalls(rows, names), height=height),),
        (Table(sentence("recall_table", caption=caption), headings, tuple(listed), 2),),
        legend=tuple(zip(map(plain, names), LOOKS, strict=False)),
        columns=1,
    )


def _estimate(row: dict[str, float]) -> Estimate:
    return Estimate(row["mean"], row["low"], row["high"])


def _ends(rows: pd.DataFrame) -> tuple[dict[str, object] | None, dict[str, object] | None]:
    """The classes of lowest and highest recall with it, None where no class was scored."""
    if rows.empty:
        return None, None
    rows = rows.sort_values("class", kind="stable")  # of equal ones the first by name
    ends = (rows.loc[rows["mean"].idxmin()], rows.loc[rows["mean"].idxmax()])
    worst, best = ({"name": row["class"], "mean": row["mean"] / 100, "images": row["images"]} for row in ends)
    return worst, best


def _extremes(inputs: Inputs) -> Table:
    """The hardest and the easiest class of every variant."""
    rows, listed = frames.recalls(inputs, inputs.variants), []
    for name in inputs.variants:
        ends = [end for end in _ends(rows[rows.variant == name]) if end]
        shown = []
        for end in ends:
            mean, images = float(str(end["mean"])), float(str(end["images"]))
            limits = Estimate(mean, *wilson(mean, images, NORMAL))
            shown.append(f"{plain(end['name'])} {PERCENT.estimate(limits)} of {COUNT(images)}")
        if shown:
            listed.append((named(name), *shown))
    return Table(sentence("extremes_table"), ("variant", "lowest", "highest"), tuple(listed))


def _balanced(inputs: Inputs, names: list[str]) -> Table:
    found = [(name, inputs.score(name, "test", "balanced_accuracy")) for name in names]
    rows = tuple((named(name), COUNT(each.n), SHARE.estimate(each)) for name, each in found if each)
    return Table(sentence("balanced_table"), ("variant", "n", "balanced acc. %"), rows)


def _against(inputs: Inputs) -> Table:
    """Remedies of an injected cause against the arm that injects it."""
    rows = frames.contrasts(inputs)
    listed = [
        (named(row.variant), named(row.against), COUNT(row.n), DIFFERENCE.estimate(row), text_of(row.wins))
        for row in rows[rows.against != BASELINE].itertuples()
    ]
    headings = ("variant", "against", "n", "difference (pp)", "replicates above")
    return Table(sentence("against_table", metric=inputs.metric), headings, tuple(listed), 2)


def confusion(inputs: Inputs) -> Section:
    """Confusion matrices, each with its table of counts."""
    drawn, tables = [], []
    for place, name in enumerate(inputs.compared):
        rows = frames.confusion(inputs, name)
        wrong = rows[rows.actual != rows.predicted]
        most = {"actual": None, "predicted": None, "share": None}
        if len(wrong) and wrong["count"].max() > 0:
            row = wrong.loc[wrong["count"].idxmax()]
            most = {"actual": row.actual, "predicted": row.predicted, "share": row.percent / 100}
        alt = sentence("confusion_alt", variant=name, **most)
        drawn.append(Panel(f"confusion-{place}", alt, heatmaps.confusion(rows), plain(name), height=400))
        order = list(rows.actual.unique())
        counts = rows.pivot(index="actual", columns="predicted", values="count").reindex(index=order, columns=order)
        cells = tuple((plain(actual), *map(COUNT, counts.loc[actual])) for actual in order)
        caption = sentence("confusion_table", variant=name)
        tables.append(Table(caption, ("actual", *map(plain, order)), cells))
    figure = Figure("confusion_matrix", sentence("confusion_figure"), tuple(drawn), tuple(tables), columns=2)
    return Section("confusion", "What is taken for what", (sentence("confusion"), figure))


def hardest(inputs: Inputs) -> Section:
    """The test images that most replicates of the baseline get wrong."""
    title, rows = "The hardest images", list(inputs.tables["hardest"].itertuples())
    if not rows:
        return Section("hardest", title, (sentence("none_hard"),))
    examples, listed = [], []
    for row in rows:
        actual, predicted, wrong = plain(row.actual), plain(row.predicted), f"{row.wrong}/{row.replicates}"
        remark = f"{actual}, mostly taken for {predicted} ({wrong})"
        examples.append(Example("", (Picture(text_of(row.png), f"test image {row.image}", remark),)))
        listed.append((f"{row.image}", actual, predicted, wrong))
    headings = ("test image", "actual", "mostly taken for", "replicates wrong")
    table = Table(sentence("hardest_table"), headings, tuple(listed), 3, folded=True)
    return Section("hardest", title, (sentence("hardest"), Gallery(tuple(examples)), table))

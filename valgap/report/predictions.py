"""Sections of report.html on single predictions: reliability, classes, confusions, the hardest images."""

import re

from valgap.document.numbers import estimate, joined, limits, number, text_of
from valgap.document.parts import Figure, Panel, Section, Table, panel
from valgap.report import frames
from valgap.report.charts import heatmaps, panels
from valgap.report.frames import Tables
from valgap.results.summary import BASELINE, cell
from valgap.stats.verdict import Verdict

COLOURS = ("ink", "blue diamond", "vermilion square", "orange triangle", "grey")
SIGNED = "{:+.1f}"
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
PAIR = "The baseline and the chosen remedy"


def reliability(tables: Tables, verdict: Verdict) -> Section:
    """The reliability diagram."""
    names = frames.compared(tables, verdict)
    rows = frames.reliability(tables, names)
    errors = [(name, cell(tables["summary"], name, "test", "ece")) for name in names]
    known = [f"{name} {number(100 * found.mean)}%" for name, found in errors if found]
    text = f"Expected calibration error on test images: {', '.join(known) or 'n/a'}."
    listed = tuple(
        (
            row.variant, f"{10 * row.bin} to {10 * row.bin + 10}", number(row.predictions, "{:,d}"),
            number(row.confidence), number(row.accuracy),
        )
        for row in rows.itertuples()
    )  # fmt: skip
    headings = ("variant", "confidence from (%)", "predictions", "mean confidence (%)", "right (%)")
    figure = Figure(
        "Share of right predictions against confidence, on test images of all replicates together; areas show how "
        "many. "
        "On the dashed line a network that is 80% sure is right 80% of the time; below it is too sure.",
        (panel("reliability", panels.reliability(rows, names), text, height=370),),
        (Table("Test predictions by confidence, all replicates together.", headings, listed),),
        tuple(zip(names, ("ink", "blue"), strict=False)),
        layout="two",
    )
    return Section("reliability", "Is it as sure as it should be?", (f"{text} Lower is better.",), (figure,))


def classes(tables: Tables, verdict: Verdict) -> Section:
    """Per-class recall of the baseline and the remedy, and of the long-tailed arms."""
    names, tail = frames.compared(tables, verdict), frames.long_tailed(tables)
    figures = [_recalls(tables, names, "recall", "Recall of each class on test images.")]
    paragraphs = ["Bars run from the lowest to the highest replicate; the counts stand in the table."]
    extra: tuple[Table, ...] = ()
    if tail:
        caption = "Recall of each class where training classes were made unequal; test images stay balanced."
        figures.append(_recalls(tables, [BASELINE, *tail], "tail", caption))
        paragraphs.append(
            f"Trained on unequal classes: {joined(tail)}. They are read on balanced accuracy and recall by class."
        )
        extra = (_balanced(tables, [BASELINE, *tail]), *_against(tables, verdict))
    return Section("classes", "Class by class", tuple(paragraphs), tuple(figures), extra)


def _recalls(tables: Tables, names: list[str], name: str, caption: str) -> Figure:
    rows = frames.recalls(tables["classes"], names)
    base = rows[rows.variant == names[0]]
    text = "No class was scored."
    if len(base):
        worst, best = base.loc[base["mean"].idxmin()], base.loc[base["mean"].idxmax()]
        text = (
            f"{names[0]}: lowest recall {number(worst['mean'])}% for {worst['class']}, "
            f"highest {number(best['mean'])}% for {best['class']}."
        )
    listed = tuple(
        (
            row["class"],
            row["variant"],
            number(row["images"], "{:,d}"),
            number(row["mean"]),
            limits(row["low"], row["high"]),
        )
        for _, of_class in rows.groupby("class", sort=False)
        for row in of_class.to_dict("records")
    )
    chart = panels.recalls(rows, names)
    height = max(9, 22 // max(1, len(names))) * len(names) * rows["class"].nunique() + 60
    table = Table(
        f"{caption} Mean over replicates.",
        ("class", "variant", "test images", "recall %", "lowest to highest"),
        listed,
        2,
    )
    return Figure(
        caption,
        (panel(name, chart, text, height=height),),
        (table,),
        tuple(zip(names, COLOURS, strict=False)),
        layout="one",
    )


def _balanced(tables: Tables, names: list[str]) -> Table:
    rows = []
    for name in names:
        found = cell(tables["summary"], name, "test", "balanced_accuracy")
        if found:
            rows.append(
                (name, number(int(found.n), "{:d}"), estimate(100 * found.mean, 100 * found.low, 100 * found.high))
            )
    return Table(
        "Balanced accuracy on test images (%), 95% intervals.", ("variant", "n", "balanced acc. %"), tuple(rows)
    )


def _against(tables: Tables, verdict: Verdict) -> tuple[Table, ...]:
    contrasts = tables["contrasts"]
    rows = contrasts[(contrasts.metric == verdict.metric) & (contrasts.against != BASELINE)]
    listed = tuple(
        (
            row.variant, row.against, number(row.n, "{:d}"), number(100 * row.mean, SIGNED),
            limits(100 * row.low, 100 * row.high, SIGNED), text_of(row.wins),
        )
        for row in rows.itertuples()
    )  # fmt: skip
    caption = (
        f"Exploratory: difference in {frames.metric_words(verdict)} to the arm that injects the cause, 95% intervals."
    )
    headings = ("variant", "against", "n", "difference (pp)", "interval", "replicates above")
    return (Table(caption, headings, listed, 2),) if listed else ()


def confusion(tables: Tables, verdict: Verdict) -> Section:
    """Confusion matrices, each with its table of counts."""
    drawn: list[Panel] = []
    listed = []
    for index, name in enumerate(frames.compared(tables, verdict)):
        rows = frames.confusion(tables, name)
        wrong = rows[rows.actual != rows.predicted]
        text = f"{name}: nothing was confused."
        if len(wrong) and wrong["count"].max() > 0:
            most = wrong.loc[wrong["count"].idxmax()]
            text = (
                f"{name}: most often {most.actual} is taken for {most.predicted}, {number(most.percent)}% of its "
                "images."
            )
        drawn.append(panel(f"confusion-{index}", heatmaps.confusion(rows), text, name, height=400))
        order = list(rows.actual.unique())
        counts = rows.pivot(index="actual", columns="predicted", values="count").reindex(index=order, columns=order)
        cells = tuple((str(actual), *(number(int(n), "{:,d}") for n in counts.loc[actual])) for actual in order)
        caption = f"{name}: test predictions of all replicates, actual class (row) by predicted class (column)."
        listed.append(Table(caption, ("actual", *map(str, order)), cells))
    figure = Figure(
        "Percent of the actual class (row) predicted as each class (column), on test images.",
        tuple(drawn),
        tuple(listed),
    )
    return Section(
        "confusion", "What is taken for what", (f"{PAIR}, where there is one. All replicates together.",), (figure,)
    )


def thumbnails(tables: Tables) -> tuple[dict[str, str], ...]:
    """The hardest images: `source` (a data URI), `alt` and `caption`. A cell that is not base64 gives no image."""
    found = []
    for row in tables["hardest"].itertuples():
        words = f"{text_of(row.actual)}, mostly taken for {text_of(row.predicted)}"
        if isinstance(row.png, str) and BASE64.fullmatch(row.png):
            found.append(
                {
                    "source": f"data:image/png;base64,{row.png}",
                    "alt": f"Test image {row.image}: {words}.",
                    "caption": f"{words} ({row.wrong}/{row.replicates})",
                }
            )
    return tuple(found)


def hardest(tables: Tables) -> Section:
    """The table of the hardest images; the template shows them."""
    rows = tables["hardest"]
    if rows.empty:
        return Section("hardest", "The hardest images", ("The baseline gets no test image wrong.",))
    listed = tuple(
        (f"{row.image}", text_of(row.actual), text_of(row.predicted), f"{row.wrong}/{row.replicates}")
        for row in rows.itertuples()
    )
    table = Table(
        "The hardest test images.", ("test image", "actual", "mostly taken for", "replicates wrong"), listed, 3
    )
    paragraphs = (
        "Test images that most replicates of the baseline get wrong, with what they are labelled, what they are "
        "mostly taken "
        "for, and how many replicates are wrong. Some may be labelled wrongly.",
    )
    return Section("hardest", "The hardest images", paragraphs, (), (table,))

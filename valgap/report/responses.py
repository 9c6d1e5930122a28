"""Sections on responses: to training, to doses, and to augmentation policies."""

from valgap.document.numbers import COUNT, NATS, PLAIN, UNKNOWN, Form
from valgap.document.parts import Figure, Panel, Section, Table
from valgap.document.text import named, plain
from valgap.report import frames
from valgap.report.charts import heatmaps, panels
from valgap.report.inputs import Inputs
from valgap.report.words import paragraphs, sentence
from valgap.results.summary import BASELINE

SCORES: dict[str, tuple[str, Form]] = {"nll": ("NLL (nats)", NATS), "accuracy": ("accuracy (%)", PLAIN)}


def curves(inputs: Inputs) -> Section:
    """Learning curves of the baseline, the remedy and a few others."""
    train = inputs.provenance.train
    said = sentence(
        "curves",
        names=inputs.shown,
        points=train["curve_points"],
        images=train["curve_train_images"],
        selected=inputs.restored,
    )
    return Section("curves", "Learning curves", (said, *(_curves(inputs, score) for score in SCORES)))


def _curves(inputs: Inputs, score: str) -> Figure:
    (title, form), names = SCORES[score], inputs.shown
    found = {name: frames.curve(inputs, name, score) for name in names}
    lowest = min(float(rows[frames.LIMITS].min().min()) for rows in found.values())
    highest = max(float(rows[frames.LIMITS].max().max()) for rows in found.values())
    drawn: list[Panel] = []
    listed: list[tuple[str, ...]] = []
    for place, (name, rows) in enumerate(found.items()):
        epoch = _turning_point(inputs, name, score)
        last = {series: form(mean) for series, mean in rows.groupby("series")["mean"].last().items()}
        alt = sentence("curves_alt", variant=name, title=title, epoch=epoch, **last)
        chart = panels.learning_curve(rows, title, [lowest, highest], epoch)
        drawn.append(Panel(f"curve-{score}-{place}", alt, chart, plain(name)))
        by_epoch: dict[float, list[str]] = {}
        for row in rows.itertuples():  # training comes first
            by_epoch.setdefault(row.epoch, []).append(form.estimate(row))
        listed += [(named(name), PLAIN(at), *estimates) for at, estimates in by_epoch.items()]
    headings = ("variant", "epoch", "training", "validation")
    rule = any(_turning_point(inputs, name, score) is not None for name in names)
    return Figure(
        f"learning_curves_{score}",
        sentence("curves_figure", title=title, rule=rule),
        tuple(drawn),
        (Table(sentence("curves_table", title=title), headings, tuple(listed), markdown=False),),
        legend=(("training", "blue"), ("validation", "vermilion square")),
    )


def _turning_point(inputs: Inputs, variant: str, score: str) -> float | None:
    """The epoch from which the baseline's validation loss rises, for its own loss curve; else None."""
    found = inputs.verdict.divergence
    applies = variant == BASELINE and score == "nll" and found.verdict == "problematic"
    return found.from_epoch if applies else None


def doses(inputs: Inputs) -> Section:
    """Dose and response: data, capacity and each strength."""
    title, metric = "How much of it", inputs.metric
    if not inputs.verdict.doses:
        return Section("doses", title, (sentence("no_doses"),))
    drawn, listed = [], []
    for place, name in enumerate(inputs.verdict.doses):
        found = frames.dose(inputs, name)
        test = found[found.series == "test"].sort_values("x", kind="stable")
        points = [f"{PLAIN(row.mean)}% with {plain(row.variant)}" for row in test.itertuples()]
        alt = sentence("doses_alt", name=name, metric=metric, points=points)
        chart = panels.dose(found, name, f"{metric.replace('test ', '')} (%)")
        drawn.append(Panel(f"dose-{place}", alt, chart, plain(name), height=300))
        estimates = {(row.variant, row.series): PLAIN.estimate(row) for row in found.itertuples()}
        for row in test.itertuples():
            shown = (estimates.get((row.variant, each), UNKNOWN) for each in ("test", "validation", "training"))
            listed.append((plain(name), named(row.variant), COUNT(row.x), *shown))
    headings = ("dose", "variant", "position", f"{metric} %", "validation %", "training %")
    figure = Figure(
        "dose_response",
        sentence("doses_figure", metric=metric),
        tuple(drawn),
        (Table(sentence("doses_table"), headings, tuple(listed), 2),),
        legend=(("test", "ink"), ("validation", "vermilion square"), ("training", "blue triangle")),
        columns=2,
    )
    return Section("doses", title, (*paragraphs("doses"), figure))


def policies(inputs: Inputs) -> Section:
    """Validity of augmentation policies: every variant on validation images warped by each of them."""
    title, rows = "Is the augmentation real variation?", frames.policies(inputs)
    if not inputs.verdict.policies or rows.empty:
        return Section("policies", title, (sentence("no_policies"),))
    base = rows[rows.variant == BASELINE]
    alt = sentence("policies_alt", scores=[f"{PLAIN(row.mean)}% {plain(row.policy)}" for row in base.itertuples()])
    names, columns = list(rows.variant.unique()), list(rows.policy.unique())
    shown = {(row.variant, row.policy): PLAIN.estimate(row) + (" ●" if row.own else "") for row in rows.itertuples()}
    listed = tuple((named(name), *(shown.get((name, at), UNKNOWN) for at in columns)) for name in names)
    headings = ("variant", frames.AS_THEY_ARE, *(named(policy) for policy in inputs.verdict.policies))
    figure = Figure(
        "policies",
        sentence("policies_figure"),
        (Panel("policies", alt, heatmaps.policy_map(rows), height=24 * len(names) + 40),),
        (Table(sentence("policies_table"), headings, listed),),
        columns=1,
    )
    return Section("policies", title, (*paragraphs("policies"), figure))

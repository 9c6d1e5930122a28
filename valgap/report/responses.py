"""Sections of report.html on doses and responses, and on the validity of augmentation policies."""

from typing import Any

from valgap.document.numbers import UNKNOWN, estimate, number
from valgap.document.parts import Figure, Section, Table, panel
from valgap.report import frames
from valgap.report.charts import heatmaps, panels
from valgap.report.frames import Tables
from valgap.results.provenance import Provenance
from valgap.results.summary import BASELINE
from valgap.stats.verdict import Verdict


def doses(tables: Tables, verdict: Verdict) -> Section:
    """Dose and response: data, capacity and each strength."""
    title = "How much of it"
    if not verdict.doses:
        return Section("doses", title, ("No dose has two variants to compare.",))
    drawn, rows = [], []
    for index, name in enumerate(verdict.doses):
        found = frames.dose(tables, verdict, name)
        test = found[found.series == "test"].sort_values("x", kind="stable")
        text = f"{name}: test accuracy " + ", ".join(
            f"{number(row.mean)}% with {row.variant}" for row in test.itertuples()
        )
        drawn.append(panel(f"dose-{index}", panels.dose(found, name, "accuracy (%)"), f"{text}.", name, height=300))
        for row in test.itertuples():
            others = [
                found[(found.variant == row.variant) & (found.series == other)] for other in ("validation", "training")
            ]
            shown = [
                estimate(o["mean"].iloc[0], o["low"].iloc[0], o["high"].iloc[0]) if len(o) else UNKNOWN for o in others
            ]
            position = number(float(row.x), "{:,.0f}")
            rows.append((name, str(row.variant), position, estimate(row.mean, row.low, row.high), *shown))
    headings = ("dose", "variant", "position", "test %", "validation %", "training %")
    caption = (
        "Mean accuracy with 95% intervals. Position: training images, parameters, or rank of the strength from none."
    )
    figure = Figure(
        "Test accuracy with its 95% interval along each dose; validation and training in the background.",
        tuple(drawn),
        (Table(caption, headings, tuple(rows), 2),),
        (("test", "ink"), ("validation", "vermilion square"), ("training", "blue triangle")),
        layout="two",
    )
    paragraphs = (
        "A cause that matters shows a slope. Images are on a doubling scale, parameters on a logarithmic one. The "
        "learning rate "
        "is the same along each dose; it was tuned for none of them, which may favour the size that it suits.",
    )
    return Section("doses", title, paragraphs, (figure,))


def policies(tables: Tables, verdict: Verdict, provenance: Provenance) -> Section:
    """Validity of augmentation policies: every variant on validation images warped by each of them."""
    title = "Is the augmentation real variation?"
    rows = frames.policies(tables, verdict)
    if not verdict.policies or rows.empty:
        return Section("policies", title, ("No evaluation policy is declared.",))
    own = {
        (name, policy)
        for name, variant in provenance.variants.items()
        for policy, ranges in verdict.policies.items()
        if _active(variant.diff.get("augmentation", {})) == _active(ranges) != {}
    }
    names = list(rows.variant.unique())
    base = rows[rows.variant == BASELINE]
    text = "The baseline gets " + ", ".join(f"{number(row.mean)}% {row.policy}" for row in base.itertuples()) + "."
    chart = heatmaps.policy_map(rows, own)
    listed = []
    for name in names:
        cells = rows[rows.variant == name].set_index("policy")
        values = [
            estimate(*cells.loc[policy, ["mean", "low", "high"]]) + (" ●" if (name, policy) in own else "")
            for policy in cells.index
        ]
        listed.append((str(name), *values))
    headings = ("variant", *rows.policy.unique())
    caption = (
        "Validation accuracy (%) with 95% intervals, as the images are and under each policy. ● trained with "
        "that policy."
    )
    figure = Figure(
        "Validation accuracy (%) of every variant on images as they are and under each policy. Outlined: trained "
        "with it.",
        (panel("policies", chart, text, height=24 * len(names) + 40),),
        (Table(caption, headings, tuple(listed)),),
        layout="one",
    )
    paragraphs = (
        "Training with a policy should cost nothing on images as they are. A variant that gains only under its own "
        "policy "
        "has adapted to the policy; one that loses on images as they are was shown variation that is not there, or "
        "needs more steps.",
    )
    return Section("policies", title, paragraphs, (figure,))


def _active(ranges: dict[str, Any]) -> dict[str, Any]:
    return {name: float(value) for name, value in ranges.items() if value}

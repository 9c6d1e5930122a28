"""The report's Markdown tables, and how numbers are written: percent with one decimal, differences in pp."""

import math

import pandas as pd

from valgap.document.markdown import inert, markdown
from valgap.document.numbers import percent, pp, signed
from valgap.results.provenance import Provenance
from valgap.results.summary import BASELINE, Cell, cell, describe
from valgap.stats.intervals import wilson

Column = tuple[str, str, str, bool]
COLUMNS: tuple[Column, ...] = (  # heading, split, metric, in percent
    ("train acc. %", "train", "accuracy", True),
    ("val acc. %", "val", "accuracy", True),
    ("test acc. %", "test", "accuracy", True),
    ("bal. test acc. %", "test", "balanced_accuracy", True),
    ("test AUROC %", "test", "auroc", True),
    ("gap (pp)", "train-val", "gap", True),
    ("test NLL", "test", "nll", False),
    ("test ECE %", "test", "ece", True),
)
METRIC_HEADINGS = {"accuracy": "test acc.", "balanced_accuracy": "bal. test acc."}
NORMAL = 1.959964  # the .975 quantile of the standard normal distribution
REFERENCES = {"majority_class": "*majority class*", "nearest_neighbour": "*1-nearest neighbour*"}


def results(summary: pd.DataFrame, variants: list[str], metric: str) -> str:
    """Mean ± half interval of every column, for the variants and the references."""
    names, columns = {variant: f"`{variant}`" for variant in variants} | REFERENCES, columns_of(summary, metric)
    rows = []
    for variant, shown in names.items():
        cells = [(cell(summary, variant, split, metric), 100 if scaled else 1) for _, split, metric, scaled in columns]
        rows.append([shown, *(_mean(entry, scale) for entry, scale in cells)])
    return markdown(["variant", *(heading for heading, *_ in columns)], rows)


def columns_of(summary: pd.DataFrame, metric: str) -> list[Column]:
    """Columns of the results: AUROC for two classes alone, balanced accuracy where the verdict rests on it."""
    scored = set(summary.metric) - ({"balanced_accuracy"} if metric != "balanced_accuracy" else set())
    return [column for column in COLUMNS if column[2] in scored]


def confirmatory(contrasts: pd.DataFrame, metric: str) -> str:
    """The family on which verdict words stand, each with its adjusted interval; empty without any."""
    found = contrasts[contrasts.role.isin(["primary", "remedy"]) & (contrasts.metric == metric)]
    rows = [
        [
            f"`{row.variant}`",
            "chosen remedy, fresh replicates" if row.role == "remedy" else f"primary of {row.cause}",
            row.verdict,
            f"{row.n}",
            signed(row.mean),
            f"{signed(row.low)} to {signed(row.high)}",
            row.wins,
            pp(row.mde),
            _decimal(row.max_t_p, "{:.4f}"),
        ]
        for row in found.itertuples()
    ]
    headings = [
        "variant", "as", "verdict", "n", f"{METRIC_HEADINGS[metric]} (pp)", "adjusted interval", "replicates above",
        "detectable (pp)", "joint p",
    ]  # fmt: skip
    return markdown(headings, rows, texts=3) if rows else ""


def exploratory(contrasts: pd.DataFrame, metric: str) -> str:
    """Every variant against its control, with 95% intervals and no verdict words; gap and NLL beside it."""
    keys = ["variant", "against", "role"]
    wide = contrasts[contrasts.role != "remedy"].pivot_table(
        index=keys, columns="metric", values="mean", sort=False, dropna=False
    )
    main = contrasts[(contrasts.metric == metric) & (contrasts.role != "remedy")]
    rows = []
    for row in main.itertuples():
        others = wide.loc[(row.variant, row.against, row.role)]
        against = "" if row.against == BASELINE else f" against `{row.against}`"
        chosen = ", the chosen strength on fresh replicates" if row.role == "strength" else ""
        rows.append(
            [
                f"`{row.variant}`{against}{chosen}", row.cause or "–", row.kind or "–", f"{row.n}",
                signed(row.mean), f"{signed(row.low)} to {signed(row.high)}", row.wins,
                _decimal(row.correlation, "{:+.2f}"), signed(others["gap"]), _decimal(others["nll"], "{:+.3f}"),
            ]
        )  # fmt: skip
    headings = [
        "variant", "cause", "kind", "n", f"{METRIC_HEADINGS[metric]} (pp)", "interval", "replicates above",
        "correlation", "gap (pp)", "NLL",
    ]  # fmt: skip
    return markdown(headings, rows, texts=3)


def policies(summary: pd.DataFrame, variants: list[str], names: list[str]) -> str:
    """Validation accuracy of every variant as the images are, and under each policy."""
    rows = []
    for variant in variants:
        splits = ["val", *(f"val_under_{name}" for name in names)]
        cells = [cell(summary, variant, split, "accuracy") for split in splits]
        rows.append([f"`{variant}`", *(_mean(entry, 100) for entry in cells)])
    return markdown(["variant", "as they are", *names], rows)


def descriptions(provenance: Provenance) -> str:
    """Each variant's diff from the `train` block, parameter count and where its weights were taken."""
    rows = []
    for name, variant in provenance.variants.items():
        steps = variant.selected_steps
        taken = f"{min(steps):,} to {max(steps):,}" if min(steps) != max(steps) else f"{steps[0]:,}"
        rows.append([f"`{name}`", describe(variant.diff), f"{variant.parameters:,}", taken])
    return markdown(["variant", "what it changes", "parameters", "weights of step"], rows, texts=2)


def recalls(classes: pd.DataFrame, variants: list[str]) -> str:
    """The hardest and the easiest class of each variant on test, with its images and half of Wilson's 95% interval."""
    of_class = classes[classes.split == "test"].groupby(["variant", "class"])[["recall", "images"]].mean()
    rows = []
    for variant in variants:
        of_variant = of_class.loc[variant]
        shown = [_recall(str(of_variant["recall"].agg(pick)), of_variant) for pick in ("idxmin", "idxmax")]
        rows.append([f"`{variant}`", *shown])
    return markdown(["variant", "lowest", "highest"], rows, texts=3)


def _recall(name: str, of_variant: pd.DataFrame) -> str:
    mean, images = of_variant.loc[name, "recall"], of_variant.loc[name, "images"]
    low, high = wilson(float(mean), float(images), NORMAL)
    return f"{inert(name)} {percent(mean)} ± {pp((high - low) / 2)} of {images:,.0f}"


def environments(provenance: Provenance) -> str:
    """One line for each distinct environment, with the variants made in it."""
    made: dict[str, list[str]] = {}
    for name, variant in provenance.variants.items():
        for environment in variant.environments:
            text = ", ".join(f"{key} {value}" for key, value in environment.items())
            made.setdefault(text, []).append(f"`{name}`")
    if len(made) == 1:
        return f"All variants: {next(iter(made))}."
    lines = [f"- {', '.join(names)}: {text}" for text, names in made.items()]
    return "\n".join(["**Made in different environments; differences between them may stem from that:**", "", *lines])


def _decimal(value: float, form: str) -> str:
    return "n/a" if math.isnan(value) else form.format(value).replace("-", "−")


def _mean(entry: Cell | None, scale: int) -> str:
    if entry is None:
        return "–"
    digits = 1 if scale == 100 else 3
    half = (entry.high - entry.low) / 2
    shown = f"{scale * entry.mean:.{digits}f}"
    return shown if math.isnan(half) else f"{shown} ± {scale * half:.{digits}f}"

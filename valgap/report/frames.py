"""What the figures and their tables show, as data frames from the CSV tables and verdict.json. Pure functions.

Accuracies are in percent and differences in percentage points here. A limit that is unknown stays NaN.
"""

from typing import Any

import pandas as pd

from valgap.report.tables import REFERENCES
from valgap.results.summary import BASELINE, cell
from valgap.stats.verdict import CauseEffect, Untested, Verdict

Tables = dict[str, pd.DataFrame]

CONFIRMATORY = ("primary", "remedy")
DATA_TITLE = "insufficient data"
NO_CAUSE = "no cause declared"
METRIC_WORDS = {"accuracy": "test accuracy", "balanced_accuracy": "balanced test accuracy"}
POLICY = "val_under_"  # prefix of the splits that are validation images warped by a policy
SHOWN = 6  # variants in a figure that has one panel for each


def variants_of(summary: pd.DataFrame) -> list[str]:
    """The trained variants in their order, the baseline first."""
    names = [str(name) for name in summary.variant.unique() if name not in REFERENCES]
    return [BASELINE, *(name for name in names if name != BASELINE)]


def metric_words(verdict: Verdict) -> str:
    """The metric of the verdict in words."""
    return METRIC_WORDS.get(verdict.metric, f"test {verdict.metric}".replace("_", " "))


def remedy_name(verdict: Verdict) -> str | None:
    """The variant chosen as the remedy, or None."""
    return verdict.remedy.variant if verdict.remedy else None


def compared(tables: Tables, verdict: Verdict) -> list[str]:
    """The baseline and the remedy: the variants of figures that compare two."""
    names = variants_of(tables["summary"])
    remedy = remedy_name(verdict)
    return [BASELINE, remedy] if remedy in names and remedy != BASELINE else [BASELINE]


def shown(tables: Tables, verdict: Verdict, limit: int = SHOWN) -> list[str]:
    """The baseline, the remedy, the primaries of the causes and, as far as the limit allows, others."""
    names, contrasts = variants_of(tables["summary"]), tables["contrasts"]
    primaries = [
        *contrasts[contrasts.role == "primary"].variant,
        *(e.primary for e in verdict.causes if isinstance(e, Untested | CauseEffect)),
    ]
    wanted = [*compared(tables, verdict), *primaries, *names]
    return [name for name in dict.fromkeys(wanted) if name in names][:limit]


def effects(contrasts: pd.DataFrame, verdict: Verdict) -> pd.DataFrame:
    """The rows of the forest plot: differences to the baseline in pp, by cause, confirmatory ones first.

    Adds `title` (of the cause), `label`, `word` (empty unless confirmatory) and `confirmatory`.
    """
    rows = contrasts[(contrasts.metric == verdict.metric) & (contrasts.against == BASELINE)].copy()
    titles = {"data": DATA_TITLE} | {entry.cause: entry.title for entry in verdict.causes}
    order = [*titles, *(cause for cause in rows.cause.unique() if cause not in titles)]
    rows["confirmatory"] = rows.role.isin(CONFIRMATORY)
    rows["title"] = [titles.get(cause, cause) or NO_CAUSE for cause in rows.cause]
    decided = set(rows[rows.confirmatory].variant)
    rows["label"] = [_label(row.variant, row.role, decided) for row in rows.itertuples()]
    rows["word"] = [_word(row) if row.confirmatory else "" for row in rows.itertuples()]
    roles = {role: rank for rank, role in enumerate((*CONFIRMATORY, "strength"))}
    keys = pd.DataFrame({"cause": rows.cause.map(order.index), "role": rows.role.map(roles).fillna(len(roles))})
    rows = rows.loc[keys.sort_values(["cause", "role"], kind="stable").index].drop_duplicates("label")
    for column in ("mean", "low", "high", "mde"):
        rows[column] = 100 * rows[column].astype(float)
    return rows.reset_index(drop=True)


def _label(variant: str, role: str, decided: set[str]) -> str:
    if role == "remedy":
        return f"{variant} (chosen remedy)"
    if role == "strength":
        return f"{variant} (chosen strength)"
    return f"{variant} (all replicates)" if role == "exploratory" and variant in decided else variant


def _word(row: Any) -> str:
    word = str(row.verdict) if isinstance(row.verdict, str) and row.verdict else "unknown"
    return f"{word} materially" if word == "helps" and str(row.material) == "True" else word


def scores(summary: pd.DataFrame, variants: list[str], split: str, metric: str) -> pd.DataFrame:
    """variant, mean, low and high in percent, one row for each variant that has the score."""
    rows = summary[(summary.split == split) & (summary.metric == metric)].set_index("variant")
    rows = rows.loc[[name for name in variants if name in rows.index], ["mean", "low", "high"]] * 100
    return rows.reset_index()


def accuracy_gap(tables: Tables, verdict: Verdict) -> pd.DataFrame:
    """variant, number (from 1), gap_mean/low/high (pp) and test_mean/low/high (%) of every variant."""
    summary = tables["summary"]
    names = variants_of(summary)
    gap = scores(summary, names, "train-val", "gap").set_index("variant").add_prefix("gap_")
    test = scores(summary, names, "test", verdict.metric).set_index("variant").add_prefix("test_")
    points = gap.join(test, how="inner").reset_index()
    return points.assign(number=[str(names.index(name) + 1) for name in points.variant])


def curve(curves: pd.DataFrame, variant: str, score: str) -> pd.DataFrame:
    """epoch, series (training or validation), mean, low, high of a variant's learning curve; accuracy in percent."""
    scale = 100 if score == "accuracy" else 1
    parts = []
    for split, series in (("train", "training"), ("val", "validation")):
        names = {f"{split}_{score}": "mean", f"{split}_{score}_low": "low", f"{split}_{score}_high": "high"}
        rows = curves[curves.variant == variant][["epoch", *names]].rename(columns=names)
        rows[["mean", "low", "high"]] *= scale
        parts.append(rows.assign(series=series))
    return pd.concat(parts, ignore_index=True)


def dose(tables: Tables, verdict: Verdict, name: str) -> pd.DataFrame:
    """variant, x, series (test, validation, training), mean, low, high (%) along one dose."""
    positions = {entry.variant: entry.x for entry in verdict.doses[name]}
    parts = []
    for split, series in (("test", "test"), ("val", "validation"), ("train", "training")):
        rows = scores(tables["summary"], list(positions), split, verdict.metric)
        parts.append(rows.assign(series=series, x=rows.variant.map(positions)))
    return pd.concat(parts, ignore_index=True)


def policies(tables: Tables, verdict: Verdict) -> pd.DataFrame:
    """variant, policy, mean, low, high (%): validation accuracy as the images are and under each policy."""
    splits = {"as they are": "val"} | {name: f"{POLICY}{name}" for name in verdict.policies}
    names = variants_of(tables["summary"])
    parts = [scores(tables["summary"], names, split, "accuracy").assign(policy=name) for name, split in splits.items()]
    return pd.concat(parts, ignore_index=True)


def recalls(classes: pd.DataFrame, variants: list[str]) -> pd.DataFrame:
    """variant, class, images, mean, low, high (%): test recall, with the lowest and the highest replicate."""
    rows = classes[(classes.split == "test") & classes.variant.isin(variants)]
    grouped = rows.groupby(["variant", "class"], sort=False)
    found = grouped["recall"].agg(["mean", "min", "max"]).mul(100).rename(columns={"min": "low", "max": "high"})
    return found.assign(images=grouped["images"].first()).reset_index()


def confusion(tables: Tables, variant: str) -> pd.DataFrame:
    """actual, predicted, count, percent (of the actual class) of one variant's test predictions."""
    counts = tables["confusion"]
    counts = counts[counts.variant == variant]
    total = counts.groupby("actual")["count"].transform("sum")
    return counts.assign(percent=(100 * counts["count"] / total.where(total > 0)).round(3)).dropna()


def reliability(tables: Tables, variants: list[str]) -> pd.DataFrame:
    """variant, bin, predictions, confidence (%), accuracy (%)."""
    rows = tables["reliability"]
    rows = rows[rows.variant.isin(variants)]
    return rows.assign(confidence=100 * rows.confidence, accuracy=100 * rows.accuracy)


def long_tailed(tables: Tables, limit: int = 4) -> list[str]:
    """Variants trained on imbalanced classes: those that inject the cause, and the remedies for it."""
    contrasts = tables["contrasts"]
    arms = contrasts[(contrasts.cause == "imbalance") & contrasts.kind.isin(["injects", "remedies"])]
    return [str(name) for name in arms.variant.unique()][:limit]


def baseline_score(tables: Tables, split: str, metric: str) -> float:
    """The baseline's mean score in percent; NaN where there is none."""
    found = cell(tables["summary"], BASELINE, split, metric)
    return float("nan") if found is None else 100 * found.mean

"""What the figures and their tables show, as data frames from the inputs of a report. Pure functions.

Accuracies are in percent and differences in percentage points here. A limit that is unknown stays NaN.
"""

import pandas as pd

from valgap.ground.params.causes import CAUSES
from valgap.ground.records import Plain
from valgap.report.inputs import Inputs
from valgap.results.summary import BASELINE

JOIN = "+"  # between the arms of a cause in contrasts.csv
ARM_ROLES = ("exploratory", "remedy")  # of rows that are one arm's, the first preferred
NO_CAUSE = "no cause declared"
POLICY = "val_under_"  # prefix of the splits that are validation images warped by a policy
AS_THEY_ARE = "as they are"
LIMITS = ["mean", "low", "high"]


def effects(inputs: Inputs) -> pd.DataFrame:
    """The rows of the forest plot in pp, by cause: the cause by its best arm, then every arm against the baseline.

    Adds `label`, `word` (that of the cause, empty on a row of one arm) and `is_cause`. An arm has one row.
    """
    rows = contrasts(inputs)
    words = {entry.cause: entry.verdict for entry in inputs.verdict.causes}
    causes = rows[rows.role == "cause"]
    causes = causes.assign(label=[_crosswise(row.variant) for row in causes.itertuples()])
    arms = rows[rows.role.isin(ARM_ROLES) & (rows.against == BASELINE)]
    arms = arms.assign(label=arms.variant, rank=arms.role.map(ARM_ROLES.index)).sort_values("rank", kind="stable")
    arms = arms.drop_duplicates("variant").sort_index().drop(columns="rank")
    rows = pd.concat([causes, arms]).assign(is_cause=[True] * len(causes) + [False] * len(arms))
    rows = rows.assign(
        word=[str(words.get(row.cause, row.verdict)) if row.is_cause else "" for row in rows.itertuples()]
    )
    order = [*inputs.titles, *(cause for cause in rows.cause.unique() if cause not in inputs.titles)]
    rows = rows.assign(place=rows.cause.map(order.index)).sort_values("place", kind="stable")
    return rows.drop(columns="place").drop_duplicates("label").reset_index(drop=True)


def _crosswise(variant: str) -> str:
    return f"{' or '.join(dict.fromkeys(variant.split(JOIN)))} (chosen crosswise)"


def contrasts(inputs: Inputs) -> pd.DataFrame:
    """Every contrast of the metric of the verdict, in pp, with the `title` of its cause and its mean gap and NLL."""
    found, keys = inputs.tables["contrasts"], ["variant", "against", "role", "cause"]
    rows = found[found.metric == inputs.verdict.metric]
    others = {metric: found[found.metric == metric].drop_duplicates(keys) for metric in ("gap", "nll")}
    for metric, table in others.items():
        rows = rows.merge(table[[*keys, "mean"]].rename(columns={"mean": metric}), on=keys, how="left")
    rows[[*LIMITS, "mde"]] = 100 * rows[[*LIMITS, "mde"]].astype(float)
    return rows.assign(title=[inputs.title(cause) or NO_CAUSE for cause in rows.cause])


def scores(inputs: Inputs, variants: list[str], split: str, metric: str) -> pd.DataFrame:
    """variant, mean, low and high in percent, one row for each variant that has the score."""
    summary = inputs.tables["summary"]
    rows = summary[(summary.split == split) & (summary.metric == metric)].set_index("variant")
    rows = rows.loc[[name for name in variants if name in rows.index], LIMITS] * 100
    return rows.reset_index()


def accuracy_gap(inputs: Inputs) -> pd.DataFrame:
    """variant, number (from 1), gap_mean/low/high (pp) and test_mean/low/high (%) of every variant."""
    names = inputs.variants
    gap = scores(inputs, names, "train-val", "gap").set_index("variant").add_prefix("gap_")
    test = scores(inputs, names, "test", inputs.verdict.metric).set_index("variant").add_prefix("test_")
    points = gap.join(test, how="inner").reset_index()
    return points.assign(number=[str(names.index(name) + 1) for name in points.variant])


def curve(inputs: Inputs, variant: str, score: str) -> pd.DataFrame:
    """epoch, series (training or validation), mean, low, high of a variant's learning curve; accuracy in percent."""
    curves, scale = inputs.tables["curves"], 100 if score == "accuracy" else 1
    parts = []
    for split, series in (("train", "training"), ("val", "validation")):
        names = {f"{split}_{score}": "mean", f"{split}_{score}_low": "low", f"{split}_{score}_high": "high"}
        rows = curves[curves.variant == variant][["epoch", *names]].rename(columns=names)
        rows[LIMITS] *= scale
        parts.append(rows.assign(series=series))
    return pd.concat(parts, ignore_index=True)


def dose(inputs: Inputs, name: str) -> pd.DataFrame:
    """variant, x, series (test, validation, training), mean, low, high (%) along one dose."""
    positions = {entry.variant: entry.x for entry in inputs.verdict.doses[name]}
    parts = []
    for split, series in (("test", "test"), ("val", "validation"), ("train", "training")):
        rows = scores(inputs, list(positions), split, inputs.verdict.metric)
        parts.append(rows.assign(series=series, x=rows.variant.map(positions)))
    return pd.concat(parts, ignore_index=True)


def policies(inputs: Inputs) -> pd.DataFrame:
    """variant, policy, mean, low, high (%), own: validation accuracy as the images are and under each policy.

    `own` says whether the variant was trained with the policy, be it the baseline's or its own.
    """
    splits = {AS_THEY_ARE: "val"} | {name: f"{POLICY}{name}" for name in inputs.verdict.policies}
    parts = [scores(inputs, inputs.variants, at, "accuracy").assign(policy=name) for name, at in splits.items()]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(own=[_trained_with(inputs, row.variant, row.policy) for row in rows.itertuples()])


def _trained_with(inputs: Inputs, variant: str, policy: str) -> bool:
    wanted, record = inputs.verdict.policies.get(policy), inputs.provenance.variants.get(variant)
    if not wanted or not record:
        return False
    trained = (inputs.provenance.train | record.diff).get("augmentation", {})
    return _active(trained) == _active(wanted) != {}


def _active(ranges: Plain) -> dict[str, float]:
    return {name: float(value) for name, value in ranges.items() if value}


def recalls(inputs: Inputs, variants: list[str]) -> pd.DataFrame:
    """variant, class, images, mean, low, high (%): test recall, with the lowest and the highest replicate."""
    rows = inputs.tables["classes"]
    rows = rows[(rows.split == "test") & rows.variant.isin(variants)]
    grouped = rows.groupby(["variant", "class"], sort=False)
    found = grouped["recall"].agg(["mean", "min", "max"]).mul(100).rename(columns={"min": "low", "max": "high"})
    return found.assign(images=grouped["images"].first()).reset_index()


def confusion(inputs: Inputs, variant: str) -> pd.DataFrame:
    """actual, predicted, count, percent (of the actual class) of one variant's test predictions."""
    counts = inputs.tables["confusion"]
    counts = counts[counts.variant == variant]
    total = counts.groupby("actual")["count"].transform("sum")
    return counts.assign(percent=(100 * counts["count"] / total.where(total > 0)).round(3)).dropna()


def reliability(inputs: Inputs) -> pd.DataFrame:
    """variant, bin, predictions, confidence (%), accuracy (%) of the compared variants."""
    rows = inputs.tables["reliability"]
    rows = rows[rows.variant.isin(inputs.compared)]
    return rows.assign(confidence=100 * rows.confidence, accuracy=100 * rows.accuracy)


def long_tailed(inputs: Inputs, limit: int = 4) -> list[str]:
    """Variants trained on imbalanced classes: those that inject the cause, and the remedies for it."""
    found = inputs.tables["contrasts"]
    causes = [cause.name for cause in CAUSES.values() if cause.by_class]
    arms = found[found.cause.isin(causes) & found.kind.isin(["injects", "remedies"])]
    return [str(name) for name in arms.variant.unique()][:limit]

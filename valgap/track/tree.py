"""The runs that a tracker is given, as plain values: the diagnosis, below it the variants, below each its replicates.

Reads reports/, and learning curves in runs/ where they are here. Fractions and nats; what is unknown is left out.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from valgap.document.text import plain
from valgap.ground import paths
from valgap.ground.params.suite import BASELINE
from valgap.report.headline import headline
from valgap.report.inputs import Inputs
from valgap.results.tables import read_table
from valgap.stats.measures import MEASURES, series
from valgap.stats.verdict import CauseEffect, Untested, Verdict

Curve = tuple[tuple[int, float], ...]  # (step, value), by rising step
REPORTS = (paths.HTML, paths.REPORT, paths.VERDICT, paths.PROVENANCE, paths.AUDIT, paths.RESULTS, paths.CONTRASTS)
LONGEST = 500  # characters of a text, which every tracker takes


@dataclasses.dataclass(frozen=True)
class Node:
    """One run: what it is called, settings, texts, numbers, learning curves by score, files, and the runs below it."""

    name: str
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    curves: Mapping[str, Curve] = dataclasses.field(default_factory=dict)
    files: tuple[Path, ...] = ()
    children: tuple["Node", ...] = ()


def build(inputs: Inputs, scores: pd.DataFrame) -> Node:
    """All runs; `scores` are the rows of results.csv. Files are those of reports/ that are here."""
    names, of_reports = inputs.variants, digest()
    of_replicates = series(scores)
    return Node(
        name=f"valgap {of_reports[:9]}",
        params=_settings(inputs),
        tags={
            "valgap.headline": plain(headline(inputs), LONGEST),
            "valgap.reports": of_reports,
            **_words(inputs.verdict),
        },
        metrics=_known(_of_verdict(inputs.verdict)),
        files=tuple(path for path in REPORTS if path.is_file()),
        children=tuple(_variant(inputs, name, of_replicates.get(name, {})) for name in names),
    )


def digest() -> str:
    """What tells these reports from others: SHA-256 over the records and tables that all numbers come from."""
    found = hashlib.sha256()
    for path in (paths.PROVENANCE, paths.RESULTS, paths.CONTRASTS, paths.VERDICT):
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _settings(inputs: Inputs) -> dict[str, str]:
    known = inputs.provenance
    return {
        "seed": str(known.seed),
        "train_images": str(known.data.train_size),
        "replicates": str(inputs.verdict.replicates),
        **_flat(known.model, "model"),
        **_flat(known.train, "train"),
    }


def _flat(settings: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested settings by dotted key, as text."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        found |= _flat(value, name) if isinstance(value, Mapping) and value else {name: plain(value, LONGEST)}
    return found


def _words(verdict: Verdict) -> dict[str, str]:
    """The word on each cause, and the arms by which it was judged: one on each half of the replicates."""
    words = {f"cause.{entry.cause}": entry.verdict for entry in verdict.causes}
    judged = [entry for entry in verdict.causes if isinstance(entry, CauseEffect)]
    return words | {f"cause.{entry.cause}.arms": ", ".join(entry.arms) for entry in judged}


def _of_verdict(verdict: Verdict) -> Iterator[tuple[str, float]]:
    """The gap, and what removing each cause does."""
    gap = verdict.gap.train_val
    yield from _limits("gap", gap.mean, gap.low, gap.high)
    for entry in verdict.causes:
        if not isinstance(entry, Untested):
            yield from _limits(f"cause.{entry.cause}", entry.mean, entry.low, entry.high)


def _variant(inputs: Inputs, name: str, scores: Mapping[str, Mapping[int, float]]) -> Node:
    known = inputs.provenance.variants
    words, effects = _effects(inputs.tables["contrasts"], name)
    replicates = sorted({replicate for values in scores.values() for replicate in values})
    curves = _curves(name)
    return Node(
        name=name,
        params=_flat(known[name].diff) if name in known else {},
        tags={"valgap.variant": name, "valgap.replicates": str(len(replicates)), **words},
        metrics=_known([*_means(inputs.tables["summary"], name), *effects]),
        curves=_mean_curves(inputs.tables["curves"], name),
        children=tuple(_replicate(name, replicate, scores, curves.get(replicate, {})) for replicate in replicates),
    )


def _means(summary: pd.DataFrame, name: str) -> Iterator[tuple[str, float]]:
    """Means over replicates with their limits, of every score; the first row of each, which covers replicates."""
    rows = summary[summary.variant == name].drop_duplicates(["split", "metric"])
    known = {(measure.split, measure.metric): key for key, measure in MEASURES.items()}
    for row in rows.itertuples(index=False):
        key = known.get((row.split, row.metric), f"{row.split}_{row.metric}")
        yield from _limits(key, row.mean, row.low, row.high)


def _effects(contrasts: pd.DataFrame, name: str) -> tuple[dict[str, str], list[tuple[str, float]]]:
    """(words by cause, effects with limits) of an arm. Each role has a family, and so a confidence, of its own."""
    words, numbers = {}, []
    for row in contrasts[contrasts.variant == name].to_dict("records"):
        what = f"{row['role']}.{row['metric']}"
        if row["against"] != BASELINE:
            what = f"{what}.on.{row['against']}"
        numbers += _limits(what, row["mean"], row["low"], row["high"])
        numbers += [(f"{what}.confidence", row["confidence"]), (f"{what}.detectable", row["mde"])]
        if row["verdict"]:
            words[f"verdict.{row['cause']}"] = row["verdict"]
    return words, numbers


def _replicate(
    variant: str, replicate: int, scores: Mapping[str, Mapping[int, float]], curves: Mapping[str, Curve]
) -> Node:
    return Node(
        name=f"replicate {replicate}",
        tags={"valgap.variant": variant, "valgap.replicate": str(replicate)},
        metrics=_known((key, values[replicate]) for key, values in scores.items() if replicate in values),
        curves=curves,
    )


def _curves(variant: str) -> dict[int, dict[str, Curve]]:
    """Learning curves by replicate and score, of the cells that are in runs/; empty where none is."""
    found: dict[int, dict[str, Curve]] = {}
    for path in sorted((paths.RUNS / variant).glob(f"*/{paths.HISTORY}")):
        table = pd.read_csv(path)
        for replicate, rows in table.groupby("replicate"):
            scores = [column for column in table.columns if column not in ("replicate", "step", "epoch")]
            found[int(str(replicate))] = {score: _curve(rows.step, rows[score]) for score in scores}
    return found


def _mean_curves(curves: pd.DataFrame, variant: str) -> dict[str, Curve]:
    rows = curves[curves.variant == variant]
    scores = [name.removesuffix("_low") for name in curves.columns if name.endswith("_low")]
    return {score: _curve(rows.step, rows[score]) for score in scores if len(rows)}


def _curve(steps: "pd.Series[int]", values: "pd.Series[float]") -> Curve:
    pairs = zip(steps.tolist(), values.tolist(), strict=True)
    return tuple((int(step), float(value)) for step, value in sorted(pairs) if math.isfinite(value))


def _limits(name: str, mean: float, low: float, high: float) -> list[tuple[str, float]]:
    return [(name, mean), (f"{name}.low", low), (f"{name}.high", high)]


def _known(numbers: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers if math.isfinite(value)}


def scores() -> pd.DataFrame:
    """The rows of results.csv. Raises SuiteError where it is missing or malformed."""
    return read_table(paths.RESULTS)

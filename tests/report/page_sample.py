"""Small made-up tables in the layout of reports/, for tests of what is rendered from them."""

import base64
import dataclasses
import io
import math
from typing import Any, get_args

import numpy as np
import pandas as pd
from PIL import Image

from tests.samples import CAPACITY, MANIFEST, NOT_KNOWN, REGULARIZATION, REMEDY, VERDICT, audit_of, provenance
from valgap.data.prepared import Part
from valgap.document import html
from valgap.findings.finding import Audit, Example, Finding, Picture, Severity, Sheet
from valgap.report.document import build
from valgap.report.inputs import Inputs
from valgap.results.provenance import Provenance
from valgap.results.shift import COLUMNS as SHIFT_COLUMNS
from valgap.stats.intervals import Interval
from valgap.stats.verdict import (
    Answer,
    Baseline,
    CauseEffect,
    CauseEntry,
    Covers,
    Divergence,
    Dose,
    Gap,
    Remedies,
    Untested,
    Verdict,
)

VARIANTS = {  # name: cause, kind, accuracy
    "baseline": ("", "", 0.80),
    "double_data": ("data", "removes", 0.83),
    "narrow": ("capacity", "removes", 0.82),
    "wide": ("capacity_lack", "opposes", 0.795),
    "dropout": ("regularization", "removes", 0.81),
    "long_tail": ("imbalance", "injects", 0.72),
}
CLASSES = ("shirt", "shoe", "bag")
POLICY: dict[str, float | bool] = {"rotation_degrees": 20.0, "horizontal_flip": True, "zoom": 0.0}


def sample(
    variants: tuple[str, ...] = tuple(VARIANTS),
    *,
    n: int = 4,
    remedy: str | None = "dropout",
    judged: bool = True,
    classes: tuple[str, ...] = CLASSES,
    rename: dict[str, str] | None = None,
    severity: Severity = "problem",
    image_name: str = "camera 3/0007.png",
    **verdict: Any,
) -> Inputs:
    """What a report is made from. With n = 1 no interval is known; `rename` gives variants other names.

    Causes are `judged` where their arms are there. `severity` is that of the audit's finding on groups, `image_name`
    and `classes` appear in its examples, `verdict` has fields of the verdict.
    """
    known = {(rename or {}).get(name, name): VARIANTS.get(name, ("", "", 0.7)) for name in variants}
    remedy = (rename or {}).get(remedy, remedy) if remedy else None
    limit = math.nan if n == 1 else 0.01
    causes = _causes(known, n, limit) if judged else ()
    tables = {
        "summary": _summary(known, n, limit),
        "contrasts": _contrasts(known, causes, n, limit, remedy),
        "curves": _curves(known, n, limit),
        **_of_predictions(known, n, classes),
    }
    audited = audit(severity, image_name, classes)
    found = dataclasses.replace(_verdict(known, causes, n, limit, remedy), **verdict)
    return Inputs(tables, _provenance(known, n, classes), found, audited)


def page(inputs: Inputs) -> str:
    """The page of a report."""
    return html.write(build(inputs))


def _summary(known: dict[str, Any], n: int, limit: float) -> pd.DataFrame:
    rows = []
    for name, (_, _, score) in known.items():
        means = {("train", "accuracy"): 0.99, ("val", "accuracy"): score + 0.01, ("test", "accuracy"): score}
        means |= {("test", "balanced_accuracy"): score, ("test", "nll"): 0.7, ("test", "ece"): 0.08}
        means |= {("train-val", "gap"): 0.98 - score, ("val_under_source", "accuracy"): score - 0.2}
        rows += [(name, *key, "replicates", n, mean, 0.01, mean - limit, mean + limit) for key, mean in means.items()]
    rows.append(("majority_class", "test", "accuracy", "replicates", n, 0.34, 0.0, 0.34 - limit, 0.34 + limit))
    columns = ["variant", "split", "metric", "covers", "n", "mean", "sd", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _causes(known: dict[str, Any], n: int, limit: float) -> tuple[CauseEffect, ...]:
    """The causes that are judged, each by the arms that remove it."""
    found = []
    for entry, score in ((CAPACITY, 0.02), (dataclasses.replace(REGULARIZATION, verdict="inconclusive"), 0.01)):
        arms = [name for name, (cause, kind, _) in known.items() if (cause, kind) == (entry.cause, "removes")]
        if arms:
            known_word = entry if n > 1 else dataclasses.replace(entry, verdict="unknown", mde=math.nan)
            found.append(
                dataclasses.replace(
                    known_word, arms=tuple(arms), arm=arms[0], n=n, mean=score, low=score - limit, high=score + limit,
                    wins=f"{n - 1}/{n}", more_replicates=3,
                )
            )  # fmt: skip
    return tuple(found)


def _contrasts(
    known: dict[str, Any], causes: tuple[CauseEffect, ...], n: int, limit: float, remedy: str | None
) -> pd.DataFrame:
    """The causes, what could be a remedy, and every arm, as contrasts.csv has them."""
    judged = [("+".join(entry.arms), entry.cause, "removes", "cause", entry.verdict, entry.mean) for entry in causes]
    arms = [(name, *known[name]) for name in known if name != "baseline"]
    rows = [
        *judged,
        *((name, cause, kind, "remedy", "", score - 0.8) for name, cause, kind, score in arms if name == remedy),
        *((name, cause, kind, "exploratory", "", score - 0.8) for name, cause, kind, score in arms),
    ]
    table = [
        {
            "variant": name, "against": "baseline", "cause": cause, "kind": kind, "role": role, "metric": metric,
            "n": n, "mean": value, "sd": 0.01, "low": value - limit, "high": value + limit, "confidence": 0.9875,
            "wins": f"{n - 1}/{n}", "correlation": math.nan, "verdict": word if metric == "accuracy" else "",
            "mde": limit, "replicates_to_settle": math.nan,
        }
        for name, cause, kind, role, word, mean in rows
        for metric, value in (("accuracy", mean), ("nll", 0.1), ("gap", -mean))
    ]  # fmt: skip
    columns = [
        "variant", "against", "cause", "kind", "role", "metric", "n", "mean", "sd", "low", "high", "confidence", "wins",
        "correlation", "verdict", "mde", "replicates_to_settle",
    ]  # fmt: skip
    return pd.DataFrame(table, columns=columns)


def _curves(known: dict[str, Any], n: int, limit: float) -> pd.DataFrame:
    rows = []
    for name in known:
        for step in (10, 20, 30):
            row: dict[str, Any] = {"variant": name, "step": step, "epoch": step / 8, "n": n}
            means = {"train_accuracy": 0.9, "train_nll": 9 / step, "val_accuracy": 0.8, "val_nll": 0.5 + step / 50}
            for score, mean in means.items():
                row |= {score: mean, f"{score}_low": mean - limit, f"{score}_high": mean + limit}
            rows.append(row)
    return pd.DataFrame(rows)


def _of_predictions(known: dict[str, Any], n: int, classes: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    png = _png()
    recalls = [(v, r, "test", c, 20, 0.7 + r / 100) for v in known for r in range(n) for c in classes]
    counts = [(v, a, p, 16 if a == p else 2) for v in known for a in classes for p in classes]
    bins = [(v, b, 30, 0.05 + b / 10, 0.04 + b / 11) for v in known for b in (7, 8, 9)]
    return {
        "classes": pd.DataFrame(recalls, columns=["variant", "replicate", "split", "class", "images", "recall"]),
        "confusion": pd.DataFrame(counts, columns=["variant", "actual", "predicted", "count"]),
        "reliability": pd.DataFrame(bins, columns=["variant", "bin", "predictions", "confidence", "accuracy"]),
        "hardest": pd.DataFrame(
            [(7, classes[0], classes[-1], n, n, png)],
            columns=["image", "actual", "predicted", "wrong", "replicates", "png"],
        ),
        "segments": pd.DataFrame(
            [
                ("dark images", 200, 0.61, 0.54, 0.67, 0.84, 0.2, 0.001, 1, f"{png} {png}"),
                ("sharp or noisy images", 200, 0.8, 0.74, 0.85, 0.82, 0.01, 0.9, 0, ""),
            ],
            columns=["segment", "images", "right", "low", "high", "elsewhere", "lost", "p", "weak", "pngs"],
        ),
        "shift": pd.DataFrame(
            [
                ("answers", "val", "test", 300, 500, 0.42, 0.01, -0.02, 0.04, "", math.nan, math.nan, 0),
                ("classes", "val", "train", 300, 900, 1.0, 0.0, -0.01, 0.01, classes[0], 0.34, 0.33, 0),
                ("classes", "test", "train", 500, 900, 0.004, -0.031, -0.05, -0.012, classes[-1], 0.2, 0.065, 1),
            ],
            columns=SHIFT_COLUMNS,
        ),
        "looks": pd.DataFrame(
            [(7, classes[0], classes[-1], 0.9, 0.5, "upper left", png, png), (9, *classes[:2], 0.7, 0.7, "", png, "")],
            columns=["image", "actual", "predicted", "probability", "left", "place", "png", "drawn"],
        ),
        "wrong_labels": pd.DataFrame(
            [("pool", 900, 1.5, 0.04, 0.02, 0.07), ("test", 600, n, 0.01, 0.0, 0.05)],
            columns=["part", "images", "networks", "wrong", "low", "high"],
        ),
        "suspects": pd.DataFrame(
            [
                (
                    9 + i,
                    "pool",
                    classes[0],
                    classes[-1],
                    0.9,
                    2,
                    0.9 * (i + 1),
                    0.6 * (i + 1),
                    i + 1,
                    png if i < 2 else "",
                )
                for i in range(12)
            ],
            columns=["image", "part", "label", "predicted", "probability", "networks", "wrong", "low", "high", "png"],
        ),
    }


def _png(side: int = 8) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.eye(side, dtype=np.uint8) * 255).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def audit(severity: Severity, image_name: str, classes: tuple[str, ...]) -> Audit:
    """The audit with a finding of every kind: examples in pairs and singly, tables, and one that is not known."""
    image = Picture(_png(), image_name, classes[0], "pool")
    wide = Picture(_png(64), "b.png", classes[-1], "test")
    effect = "It may hide a part of the gap."
    findings = [
        Finding(
            "VG101", "groups", "Groups on both sides of a split", severity, 2, 30, "groups",
            "2 of 30 declared groups lie on both sides of a split.", effect,
            (Example("one group", (image, wide)),) * 3,
            (Sheet("Images and groups of each split.", ("split", "images", "groups"),
                   (("pool", "300", "25"), ("test", "300", "7"))),),
        ),
        Finding(
            "VG108", "label_errors", "Suspected label errors", "worth a look", 5, 600, "images",
            "A simple model doubts 5 of 600 labels.", effect,
            (Example(f"more like “{classes[-1]}” (97%)", (image,)),) * 5,
        ),
        Finding("VG107", "brightness", "Brightness and contrast", "fine", 0, 2, "images", "0 of 2 differ.", effect),
        Finding("VG106", "two_sample", "Validation told from training", "unknown", 0, 0, "images", "Unknown.", effect),
        Finding(
            "VG115", "counts", "Images by class and split", "fine", 600, 600, "images",
            "600 images of 28 × 28 pixels, grey, in 3 classes: 300 pool and 300 test.", effect,
        ),
    ]  # fmt: skip
    return audit_of(*sorted(findings, key=lambda finding: get_args(Severity).index(finding.severity)))


def _provenance(known: dict[str, Any], n: int, classes: tuple[str, ...]) -> Provenance:
    diffs = {name: {} if name == "baseline" else {"augmentation": POLICY} for name in known}
    parts = {name: Part(300, dict.fromkeys(classes, 100)) for name in ("pool", "test")}
    return provenance(
        {
            name: {"diff": diff, "replicates": n, "steps": 30, "parameters": 421_642, "selected_steps": (30,) * n}
            for name, diff in diffs.items()
        },
        data=dataclasses.replace(MANIFEST, class_names=classes, parts=parts, groups=30, train_size=60),
        seed=20240,
        train={"steps": 30, "batch_size": 8, "learning_rate": 0.001, "dropout": [0.0, 0.0, 0.0],
               "early_stopping": False, "augmentation": {"zoom": 0.0}, "curve_points": 3, "curve_train_images": 20},
        not_trained={"wide": {"width": 2}},
    )  # fmt: skip


def _verdict(
    known: dict[str, Any], causes: tuple[CauseEffect, ...], n: int, limit: float, remedy: str | None
) -> Verdict:
    half = math.nan if math.isnan(limit) else 0.01
    sizes = tuple(Dose(name, x) for name, x in (("baseline", 60), ("double_data", 120)) if name in known)
    untested: list[CauseEntry] = [
        Untested(cause="imbalance", title="class imbalance", verdict="not present", why="the classes are balanced")
    ]
    blamed = [entry for entry in causes if entry.verdict == "contributes"]
    answer = tuple(Answer(e.cause, e.title, "removal", e.verdict, e.mean, e.low, e.high) for e in blamed)
    return dataclasses.replace(
        VERDICT,
        replicates=n, block_size=2, data=None, covers=Covers("drawn", "fixed", 30), score=0.8, answer=answer,
        gap=Gap(*(Interval(n, mean, math.nan, mean - half, mean + half) for mean in (0.18, 0.19, -0.01))),
        baseline=Baseline(n, n, 0.7, ()),
        divergence=(
            Divergence("problematic", NOT_KNOWN, 1.25) if n > 1 else Divergence("unknown", NOT_KNOWN, None)
        ),
        causes=(*causes, *untested),
        remedies=Remedies((dataclasses.replace(REMEDY, variant=remedy),) if remedy else (), 5, 0.95, 2.9),
        doses={"data": sizes} if len(sizes) > 1 else {},
        policies={"source": POLICY},
    )  # fmt: skip

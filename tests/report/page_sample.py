"""Small made-up tables in the layout of reports/, for tests of what is rendered from them."""

import base64
import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from valgap.document import html
from valgap.findings.finding import Audit
from valgap.ground import records
from valgap.report.document import build
from valgap.report.inputs import Inputs
from valgap.results.provenance import Provenance
from valgap.stats.verdict import Verdict

VARIANTS = {  # name: cause, kind, role, accuracy
    "baseline": ("", "", "", 0.80),
    "double_data": ("data", "removes", "exploratory", 0.83),
    "narrow": ("capacity", "removes", "primary", 0.77),
    "dropout": ("regularization", "removes", "primary", 0.81),
    "long_tail": ("imbalance", "injects", "exploratory", 0.72),
}
CLASSES = ("shirt", "shoe", "bag")
POLICY = {"rotation_degrees": 20.0, "horizontal_flip": True, "zoom": 0.0}
TITLES = {
    "capacity": "excess capacity",
    "regularization": "insufficient regularization",
    "imbalance": "class imbalance",
}


def sample(
    variants: tuple[str, ...] = tuple(VARIANTS),
    *,
    n: int = 4,
    remedy: str | None = "dropout",
    confirmatory: bool = True,
    classes: tuple[str, ...] = CLASSES,
    rename: dict[str, str] | None = None,
    severity: str = "problem",
    image_name: str = "camera 3/0007.png",
) -> Inputs:
    """What a report is made from. With n = 1 no interval is known; `rename` gives variants other names.

    `severity` is that of the audit's finding on groups, `image_name` and `classes` appear in its examples.
    """
    known = {(rename or {}).get(name, name): VARIANTS.get(name, ("", "", "exploratory", 0.7)) for name in variants}
    remedy = (rename or {}).get(remedy, remedy) if remedy else None
    limit = math.nan if n == 1 else 0.01
    tables = {
        "summary": _summary(known, n, limit),
        "contrasts": _contrasts(known, n, limit, remedy, confirmatory),
        "curves": _curves(known, n, limit),
        **_of_predictions(known, n, classes),
    }
    return Inputs(
        tables,
        records.parse(Provenance, json.dumps(_provenance(known, n, classes))),
        records.parse(Verdict, json.dumps(_verdict(known, n, limit, remedy))),
        records.parse(Audit, json.dumps(audit(severity, image_name, classes))),
    )


def page(inputs: Inputs) -> str:
    """The page of a report."""
    return html.write(build(inputs))


def _summary(known: dict[str, Any], n: int, limit: float) -> pd.DataFrame:
    rows = []
    for name, (_, _, _, score) in known.items():
        means = {("train", "accuracy"): 0.99, ("val", "accuracy"): score + 0.01, ("test", "accuracy"): score}
        means |= {("test", "balanced_accuracy"): score, ("test", "nll"): 0.7, ("test", "ece"): 0.08}
        means |= {("train-val", "gap"): 0.98 - score, ("val_under_source", "accuracy"): score - 0.2}
        rows += [(name, *key, "replicates", n, mean, 0.01, mean - limit, mean + limit) for key, mean in means.items()]
    rows.append(("majority_class", "test", "accuracy", "replicates", n, 0.34, 0.0, 0.34 - limit, 0.34 + limit))
    columns = ["variant", "split", "metric", "covers", "n", "mean", "sd", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _contrasts(known: dict[str, Any], n: int, limit: float, remedy: str | None, confirmatory: bool) -> pd.DataFrame:
    rows = []
    wanted = [(name, known[name][2] if confirmatory else "exploratory") for name in known if name != "baseline"]
    for name, role in [*wanted, *([(remedy, "remedy")] if remedy in known and confirmatory else [])]:
        cause, kind, _, score = known[name]
        word = "" if role == "exploratory" else "unknown" if n == 1 else "helps" if score > 0.8 else "harms"
        for metric, mean in (("accuracy", score - 0.8), ("nll", 0.1), ("gap", 0.8 - score)):
            rows.append(
                {
                    "variant": name, "against": "baseline", "cause": cause, "kind": kind, "role": role,
                    "metric": metric, "n": n, "mean": mean, "sd": 0.01, "low": mean - limit, "high": mean + limit,
                    "confidence": 0.9875,
                    "wins": f"{n - 1}/{n}", "correlation": math.nan, "verdict": word if metric == "accuracy" else "",
                    "material": False if word else math.nan, "mde": limit, "replicates_to_settle": math.nan,
                    "max_t_p": 0.03125,
                }
            )  # fmt: skip
    columns = [
        "variant", "against", "cause", "kind", "role", "metric", "n", "mean", "sd", "low", "high", "confidence", "wins",
        "correlation", "verdict", "material", "mde", "replicates_to_settle", "max_t_p",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


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
    }


def _png(side: int = 8) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.eye(side, dtype=np.uint8) * 255).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def audit(severity: str, image_name: str, classes: tuple[str, ...]) -> dict[str, Any]:
    """audit.json with a finding of every kind: examples in pairs and singly, tables, and one that is not known."""
    image = {"png": _png(), "name": image_name, "class_name": classes[0], "split": "pool"}
    wide = image | {"png": _png(64), "name": "b.png", "class_name": classes[-1], "split": "test"}
    common = {"examples": [], "tables": [], "unit": "images", "effect": "It may hide a part of the gap."}
    findings = [
        {
            "name": "groups", "title": "Groups on both sides of a split", "severity": severity,
            "count": 2, "of": 30, "unit": "groups", "found": "2 of 30 declared groups lie on both sides of a split.",
            "examples": [{"caption": "one group", "images": [image, wide]}] * 3,
            "tables": [{"caption": "Images and groups of each split.", "headings": ["split", "images", "groups"],
                        "rows": [["pool", "300", "25"], ["test", "300", "7"]]}],
        },
        {
            "name": "label_errors", "title": "Suspected label errors", "severity": "worth a look", "count": 5,
            "of": 600, "found": "A simple model doubts 5 of 600 labels.",
            "examples": [{"caption": f"more like “{classes[-1]}” (97%)", "images": [image]}] * 5,
        },
        {"name": "brightness", "title": "Brightness and contrast", "severity": "fine", "count": 0, "of": 2,
         "found": "0 of 2 means differ."},
        {"name": "two_sample", "title": "Validation told from training", "severity": "unknown", "count": 0, "of": 0,
         "found": "Unknown."},
        {"name": "counts", "title": "Images by class and split", "severity": "fine", "count": 600, "of": 600,
         "found": "600 images of 28 × 28 pixels, grey, in 3 classes: 300 pool and 300 test."},
    ]  # fmt: skip
    findings.sort(key=lambda finding: ["problem", "worth a look", "unknown", "fine"].index(str(finding["severity"])))
    return {"schema": 2, "images": 600, "image_shape": [28, 28, 1], "findings": [common | found for found in findings]}


def _provenance(known: dict[str, Any], n: int, classes: tuple[str, ...]) -> dict[str, Any]:
    variant = {"replicates": n, "train_images": 60, "steps": 30, "parameters": 421_642, "selected_steps": [30] * n}
    variant |= {"forward_flops": 1_000, "predictions_md5": {}}
    per_class = dict.fromkeys(classes, 100)
    return {
        "schema": 3, "model": {"builder": "cnn"},
        "data": {
            "image_shape": [28, 28, 1], "class_names": list(classes),
            "parts": {name: {"images": 300, "per_class": per_class} for name in ("pool", "test")},
            "scheme": "holdout", "given_validation": False, "groups": 30, "train_size": 60,
            "max_train_size": 120, "val_size": 60, "test_size": 300, "whole_pool": False, "class_sizes": [100],
            "not_used": 3, "dropped": 0, "dropped_files": [],
            "source_sha256": {"images.xz": "cd" * 32},
        },
        "seed": 20240,
        "train": {"steps": 30, "batch_size": 8, "learning_rate": 0.001, "dropout": [0.0, 0.0, 0.0],
                  "early_stopping": False, "augmentation": {"zoom": 0.0}, "curve_points": 3, "curve_train_images": 20},
        "variants": {
            name: variant | {"diff": {} if name == "baseline" else {"augmentation": POLICY},
                             "environments": [{"python": "3.11.7", "device": "cpu"}]}
            for name in known
        },
        "not_trained": {"wide": {"width": 2}},
    }  # fmt: skip


def _verdict(known: dict[str, Any], n: int, limit: float, remedy: str | None) -> dict[str, Any]:
    low, high = (None, None) if math.isnan(limit) else (0.17, 0.19)
    sizes = [{"variant": name, "x": x} for name, x in (("baseline", 60), ("double_data", 120)) if name in known]
    gap = {"n": n, "mean": 0.18, "sd": None, "low": low, "high": high}
    effect: dict[str, Any] = {"n": n, "mean": 0.01, "low": None if n == 1 else 0.005, "high": None if n == 1 else 0.015}
    effect |= {"confidence": 0.9875, "wins": f"{n - 1}/{n}", "mde": None if n == 1 else 0.01}
    return {
        "metric": "accuracy", "margin": 0.02, "replicates": n, "block_size": 2, "data": None,
        "covers": {"training": "drawn", "test": "fixed", "groups": 30},
        "injected": [], "underfit": [], "gap": gap,
        "divergence": (
            {"verdict": "problematic", "slope": gap, "from_epoch": 1.25} if n > 1
            else {"verdict": "unknown", "slope": gap, "from_epoch": None}
        ),
        "causes": [
            {"cause": cause, "title": title, "verdict": "not tested", "why": "none was trained"}
            for cause, title in TITLES.items()
        ],
        "remedy": effect | {
            "variant": remedy, "verdict": "helps", "material": False, "diff": {"dropout": [0.25, 0.25, 0.5]},
            "nll": {"mean": -0.1, "low": None, "high": None}, "chosen_on_block": 0, "parameters": 421_642,
            "steps": 30, "relative_compute": 1.0,
        } if remedy else None,
        "doses": {"data": sizes} if len(sizes) > 1 else {},
        "policies": {"source": POLICY},
    }  # fmt: skip

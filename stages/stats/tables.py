"""The tables of reports/ from predictions: scores, intervals, curves, classes, calibration, the hardest images."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from stages.data.arrays import BlockSplits, load_array
from stages.data.predictions import Run
from stages.stats import intervals, metrics
from stages.stats.intervals import Interval
from stages.stats.metrics import METRICS
from stages.stats.references import REFERENCES

SPLITS = ("train", "val", "test")
GAP_SPLIT = "train-val"
CONFIDENCE = 0.95
HEADLINE = {  # of metrics.json: the few numbers of a variant that a reviewer compares
    ("val", "accuracy"): "val_accuracy",
    ("test", "accuracy"): "test_accuracy",
    (GAP_SPLIT, "gap"): "gap",
    ("test", "nll"): "test_nll",
}
POLICY = "val_under_"  # prefix of the splits that are validation images warped by a policy
CALIBRATION_BINS = 10  # of the reliability table
Row = tuple[str, int, str, str, float]


def score(loaded: dict[str, Run], splits: list[BlockSplits]) -> pd.DataFrame:
    """results.csv: variant, replicate, split, metric, value; the gap stands under split `train-val`.

    Validation images under a policy are the splits `val_under_<policy>`. The references are scored as
    variants are, on val and test, where a metric needs no probabilities.
    """
    rows: list[Row] = []
    for variant, run in loaded.items():
        for row, replicate in enumerate(run["replicates"].tolist()):
            for split in scored_splits(run):
                probabilities, labels = run[f"{split}_probabilities"][row], labels_of(run, split)[row]
                scores = {name: metric.score(probabilities, labels) for name, metric in METRICS.items()}
                rows += [(variant, replicate, split, name, value) for name, value in scores.items()]
    for block in splits:
        rows += reference_rows(block)
    table = pd.DataFrame(rows, columns=["variant", "replicate", "split", "metric", "value"])
    accuracy = table[table.metric == "accuracy"].pivot(index=["variant", "replicate"], columns="split", values="value")
    gap = (accuracy["train"] - accuracy["val"]).dropna().rename("value").reset_index()
    return pd.concat([table, gap.assign(split=GAP_SPLIT, metric="gap")], ignore_index=True)


def scored_splits(run: Run) -> list[str]:
    """train, val, test, and validation under each policy."""
    return [name.removesuffix("_probabilities") for name in run if name.endswith("_probabilities")]


def labels_of(run: Run, split: str) -> NDArray[np.int64]:
    """Labels (replicates, examples) of a split; a warped image keeps its label."""
    return run["val_labels" if split.startswith(POLICY) else f"{split}_labels"]


def reference_rows(splits: BlockSplits) -> Iterator[Row]:
    """Scores of the references fitted on the training subset of every replicate of a block."""
    pool = load_array("pool", "images"), load_array("pool", "labels")
    test = np.array(load_array("test", "images")), np.array(load_array("test", "labels"))
    classes = int(pool[1].max()) + 1
    for row, replicate in enumerate(splits.replicates):
        train_images, train_labels = (array[splits.train[row][: splits.train_size]] for array in pool)
        scored = {"val": tuple(array[splits.val[row]] for array in pool), "test": test}
        for name, predict in REFERENCES.items():
            for split, (images, labels) in scored.items():
                predicted = np.eye(classes)[predict(train_images, train_labels, images)]
                for metric, definition in METRICS.items():
                    if not definition.needs_probabilities:
                        yield name, replicate, split, metric, definition.score(predicted, labels)


def summarise(results: pd.DataFrame, loaded: dict[str, Run]) -> pd.DataFrame:
    """summary.csv: per variant, split and metric the mean, sd and 95% interval.

    `covers` says what an interval covers: replicates, or replicates and examples, which share the test set.
    """
    rows = []
    for (variant, split, metric), group in results.groupby(["variant", "split", "metric"], sort=False):
        each = METRICS[metric].each if metric in METRICS and split == "test" and variant in loaded else None
        values = _each(loaded[variant], each) if each else group.sort_values("replicate")["value"].to_numpy()
        interval = _interval(values, CONFIDENCE)
        rows.append(
            {
                "variant": variant, "split": split, "metric": metric,
                "covers": "replicates and examples" if each else "replicates",
                "n": interval.n, "mean": interval.mean, "sd": interval.sd, "low": interval.low, "high": interval.high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _each(run: Run, each: Any) -> NDArray[np.float64]:
    pairs = zip(run["test_probabilities"], run["test_labels"], strict=True)
    return np.stack([each(probabilities, labels) for probabilities, labels in pairs])


def _interval(values: NDArray[np.float64], confidence: float) -> Interval:
    two_way = intervals.over_replicates_and_examples
    return (two_way if values.ndim == 2 else intervals.over_replicates)(values, confidence)


def curves(histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """curves.csv: per variant and step the mean over replicates of each fair score, with 95% limits."""
    rows = []
    for variant, history in histories.items():
        for (step, epoch), group in history.groupby(["step", "epoch"]):
            row = {"variant": variant, "step": step, "epoch": epoch, "n": len(group)}
            for name in history.columns.difference(["replicate", "step", "epoch"], sort=False):
                interval = intervals.over_replicates(group[name].to_numpy(), CONFIDENCE)
                row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
            rows.append(row)
    return pd.DataFrame(rows)


def classes(loaded: dict[str, Run], names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(classes.csv, confusion.csv): recall per replicate, split and class; test counts summed over replicates."""
    recalls, counts = [], []
    for variant, run in loaded.items():
        total = np.zeros((len(names), len(names)), np.int64)
        for row, replicate in enumerate(run["replicates"].tolist()):
            for split in SPLITS:
                predicted = run[f"{split}_probabilities"][row].argmax(axis=1)
                matrix = metrics.confusion(predicted, run[f"{split}_labels"][row], len(names))
                total += matrix if split == "test" else 0
                for name, images, value in zip(names, matrix.sum(axis=1), metrics.recall(matrix), strict=True):
                    recalls.append((variant, replicate, split, name, images, value))
        for actual, line in zip(names, total, strict=True):
            counts += [(variant, actual, predicted, count) for predicted, count in zip(names, line, strict=True)]
    return (
        pd.DataFrame(recalls, columns=["variant", "replicate", "split", "class", "images", "recall"]),
        pd.DataFrame(counts, columns=["variant", "actual", "predicted", "count"]),
    )


def reliability(loaded: dict[str, Run]) -> pd.DataFrame:
    """reliability.csv: per variant and confidence bin, test predictions of all replicates, confidence, accuracy."""
    rows = []
    for variant, run in loaded.items():
        confidence = run["test_probabilities"].max(axis=2).ravel().astype(np.float64)
        right = (run["test_probabilities"].argmax(axis=2) == run["test_labels"]).ravel()
        bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
        for number in np.unique(bins):
            inside = bins == number
            rows.append((variant, number, inside.sum(), confidence[inside].mean(), right[inside].mean()))
    return pd.DataFrame(rows, columns=["variant", "bin", "predictions", "confidence", "accuracy"])


def hardest(run: Run, images: NDArray[np.uint8], names: list[str], count: int = 24) -> pd.DataFrame:
    """hardest.csv: the test images that most replicates of the baseline get wrong, with the pixels as a PNG in base64.

    `images` are the test images, uint8 NHWC. `predicted` is the most frequent wrong class.
    """
    labels, predicted = run["test_labels"][0], run["test_probabilities"].argmax(axis=2)
    wrong = predicted != labels
    rows = []
    for index in np.argsort(-wrong.mean(axis=0), kind="stable")[:count]:
        if not wrong[:, index].any():
            break
        usual = np.bincount(predicted[wrong[:, index], index]).argmax()
        png = base64.b64encode(encode_png(images[index])).decode("ascii")
        rows.append((index, names[labels[index]], names[usual], int(wrong[:, index].sum()), len(wrong), png))
    return pd.DataFrame(rows, columns=["test_index", "actual", "predicted", "wrong", "replicates", "png"])


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """PNG of one uint8 (h, w, c) image, grey for one channel, RGB for three."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image[..., :3]).save(buffer, "png")
    return buffer.getvalue()


def headline(summary: pd.DataFrame) -> dict[str, dict[str, float]]:
    """metrics.json: means over replicates by variant, fractions and nats, rounded to 1e-6."""
    content: dict[str, dict[str, float]] = {}
    for row in summary[~summary.variant.isin(REFERENCES)].itertuples():
        if (row.split, row.metric) in HEADLINE:
            content.setdefault(row.variant, {})[HEADLINE[row.split, row.metric]] = round(row.mean, 6)
    return content

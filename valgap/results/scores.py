"""The tables of reports/ from predictions: scores, intervals, curves, classes, calibration, the hardest images."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from valgap.stats import intervals, metrics
from valgap.stats.intervals import Interval
from valgap.stats.measured import redrawn, units
from valgap.stats.measures import GAP
from valgap.stats.metrics import METRICS, metrics_for
from valgap.stats.references import REFERENCES
from valgap.stats.run import Run
from valgap.training.subset import BlockSplits, scored_training

SPLITS = ("train", "val", "test")
CONFIDENCE = 0.95
HEADLINE = {  # of metrics.json: the few numbers of a variant that a reviewer compares
    (split, metric.name): f"{split}_{metric.name}" for metric in METRICS.values() for split in metric.headline
} | {(GAP.split, GAP.metric): "gap"}
POLICY = "val_under_"  # prefix of the splits that are validation images warped by a policy
CALIBRATION_BINS = 10  # of the reliability table
Row = tuple[str, int, str, str, float]


def score(loaded: dict[str, Run], references: Iterable[Row] = ()) -> pd.DataFrame:
    """results.csv: variant, replicate, split, metric, value; the gap stands under split `train-val`.

    Validation images under a policy are the splits `val_under_<policy>`. `references` are rows of theirs.
    """
    rows: list[Row] = []
    for variant, run in loaded.items():
        for row, replicate in enumerate(run["replicates"].tolist()):
            for split in scored_splits(run):
                probabilities, labels = run[f"{split}_probabilities"][row], labels_of(run, split)[row]
                wanted = metrics_for(probabilities.shape[1])
                scores = {name: metric.score(probabilities, labels) for name, metric in wanted.items()}
                rows += [(variant, replicate, split, name, value) for name, value in scores.items()]
    rows += references
    table = pd.DataFrame(rows, columns=["variant", "replicate", "split", "metric", "value"])
    accuracy = table[table.metric == "accuracy"].pivot(index=["variant", "replicate"], columns="split", values="value")
    gap = (accuracy["train"] - accuracy["val"]).dropna().rename("value").reset_index()
    return pd.concat([table, gap.assign(split=GAP.split, metric=GAP.metric)], ignore_index=True)


def scored_splits(run: Run) -> list[str]:
    """train, val, test, and validation under each policy."""
    return [name.removesuffix("_probabilities") for name in run if name.endswith("_probabilities")]


def labels_of(run: Run, split: str) -> NDArray[np.int64]:
    """Labels (replicates, examples) of a split; a warped image keeps its label."""
    return run["val_labels" if split.startswith(POLICY) else f"{split}_labels"]


def reference_rows(splits: BlockSplits, images: NDArray[np.uint8], every: NDArray[np.int64]) -> Iterator[Row]:
    """Scores of the references fitted on the training subset of every replicate of a block, on val and test.

    `images` and their labels `every` are all that the block's lists point into. Metrics that need probabilities are
    left out.
    """
    classes = int(every.max()) + 1
    for row, replicate in enumerate(splits.replicates):
        training = scored_training(splits.train[row][: splits.train_size])
        train_images, train_labels = images[training], every[training]
        scored = {"val": splits.val[row], "test": splits.test[row]}
        for name, predict in REFERENCES.items():
            for split, rows in scored.items():
                predicted = np.eye(classes)[predict(train_images, train_labels, images[rows])]
                for metric, definition in METRICS.items():
                    if not definition.needs_probabilities:
                        yield name, replicate, split, metric, definition.score(predicted, every[rows])


def summarise(results: pd.DataFrame, loaded: dict[str, Run]) -> pd.DataFrame:
    """summary.csv: per variant, split and metric the mean, sd and 95% interval.

    `covers` says what an interval covers: replicates; replicates and examples (or groups of them), which share the
    test set; or replicates and folds, where those take turns as the test set.
    """
    rows = []
    for (variant, split, metric), group in results.groupby(["variant", "split", "metric"], sort=False):
        scores = group.sort_values("replicate")["value"].to_numpy()
        covers, interval = _interval(loaded.get(str(variant)), str(split), str(metric), scores)
        rows.append(
            {
                "variant": variant,
                "split": split,
                "metric": metric,
                "covers": covers,
                "n": interval.n,
                "mean": interval.mean,
                "sd": interval.sd,
                "low": interval.low,
                "high": interval.high,
            }
        )
    return pd.DataFrame(rows)


def _interval(run: Run | None, split: str, metric: str, scores: NDArray[np.float64]) -> tuple[str, Interval]:
    """What an interval covers, and it; `scores` are the replicates'. A reference has no run."""
    each = METRICS[metric].each if metric in METRICS and split == "test" else None
    if run is not None and (ratio := redrawn(run)):
        return "replicates and folds", intervals.over_replicates(scores, CONFIDENCE, ratio)
    if run is None or each is None:
        return "replicates", intervals.over_replicates(scores, CONFIDENCE)
    pairs = zip(run["test_probabilities"], run["test_labels"], strict=True)
    values = np.stack([each(probabilities, labels) for probabilities, labels in pairs])
    counted = units(run, values)
    covers = "replicates and examples" if counted.shape == values.shape else "replicates and groups"
    return covers, intervals.over_replicates_and_examples(counted, CONFIDENCE)


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


def classes(loaded: dict[str, Run], names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def hardest(run: Run, images: NDArray[np.uint8], names: Sequence[str], count: int = 24) -> pd.DataFrame:
    """hardest.csv: the test images that most replicates of the baseline get wrong, with the pixels as a PNG in base64.

    `images` are all images, uint8 NHWC, into which `test_index` points. `predicted` is the most frequent wrong class.
    """
    index, labels = run["test_index"].ravel(), run["test_labels"].ravel()
    predicted = run["test_probabilities"].argmax(axis=2).ravel()
    tested, at, times = np.unique(index, return_inverse=True, return_counts=True)
    mistakes = np.zeros((len(tested), len(names)), np.int64)
    wrong = predicted != labels
    np.add.at(mistakes, (at[wrong], predicted[wrong]), 1)
    actual = np.empty(len(tested), np.int64)
    actual[at] = labels
    rows = []
    for row in np.argsort(-mistakes.sum(axis=1) / times, kind="stable")[:count]:
        if not mistakes[row].any():
            break
        png = png_text(images[tested[row]])
        usual = names[mistakes[row].argmax()]
        rows.append((tested[row], names[actual[row]], usual, int(mistakes[row].sum()), times[row], png))
    return pd.DataFrame(rows, columns=["image", "actual", "predicted", "wrong", "replicates", "png"])


def png_text(image: NDArray[np.uint8]) -> str:
    """PNG in base64 of one uint8 (h, w, c) image, grey for one channel, RGB for three."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image[..., :3]).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def headline(summary: pd.DataFrame) -> dict[str, dict[str, float]]:
    """metrics.json: means over replicates by variant, fractions and nats, rounded to 1e-6."""
    content: dict[str, dict[str, float]] = {}
    for row in summary[~summary.variant.isin(REFERENCES)].itertuples():
        if (row.split, row.metric) in HEADLINE:
            content.setdefault(row.variant, {})[HEADLINE[row.split, row.metric]] = round(row.mean, 6)
    return content

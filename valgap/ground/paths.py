"""The only place that spells a path. All are relative to the repository's root, where every stage runs."""

import os
from pathlib import Path

PARAMS = Path("params.yaml")
PREPARED = Path("data/prepared")
ARRAYS = PREPARED / "arrays"
SPLITS = PREPARED / "splits"
MANIFEST = PREPARED / "manifest.json"
IMAGES = ARRAYS / "images.npy"  # uint8 NHWC, all of them
LABELS = ARRAYS / "labels.npy"  # int64
GROUPS = ARRAYS / "groups.npy"  # int64; each image its own where groups are unknown
MODELS_CHECKED = Path("data/models.txt")
RUNS = Path("runs")
SEEN = RUNS / "seen.json"  # the user's own run, read from their file
STORE = Path(".replicates")
# A GPU image names its own lock, for the CUDA libraries in it decide numbers too.
TRAINING_LOCK = Path(os.environ.get("SUITE_TRAINING_LOCK", "requirements-train.txt"))

# The code that decides a replicate's numbers: one dependency of the train stages in dvc.yaml, one digest in the store.
PACKAGE = Path(__file__).resolve().parent.parent
TRAINING_CODE = PACKAGE / "training"

PREDICTIONS = "predictions.npz"
HISTORY = "history.csv"
RUN = "run.json"
MODELS = "models"
TELEMETRY = "telemetry.json"  # durations: never a DVC output, so that dvc.lock holds no time

# What is shown to people.
REPORTS = Path("reports")
METRICS = REPORTS / "metrics.json"
OF_VARIANTS = REPORTS / "metrics"  # the same, a file each, which DVC shows as a row each
PARTIAL = REPORTS / "partial.html"  # not in Git, and no output of a stage
RESULTS = REPORTS / "results.csv"
SUMMARY = REPORTS / "summary.csv"
CURVES = REPORTS / "curves.csv"
CLASSES = REPORTS / "classes.csv"
CONFUSION = REPORTS / "confusion.csv"
RELIABILITY = REPORTS / "reliability.csv"
HARDEST = REPORTS / "hardest.csv"
SEGMENTS = REPORTS / "segments.csv"
SHIFT = REPORTS / "shift.csv"
LOOKS = REPORTS / "looks.csv"
WRONG_LABELS = REPORTS / "wrong_labels.csv"
SUSPECTS = REPORTS / "suspects.csv"
CONTRASTS = REPORTS / "contrasts.csv"
DIAGNOSIS = REPORTS / "diagnosis.json"
EFFECTS = REPORTS / "effects"  # its numbers, a file each
VERDICT = REPORTS / "verdict.json"
AUDIT = REPORTS / "audit.json"
PROVENANCE = REPORTS / "provenance.json"
CALIBRATION = Path("valgap/report/calibration.json")  # in the package, for its reports quote it wherever they are made
CALIBRATION_TEXT = REPORTS / "calibration.md"
RATES_TEXT = Path("docs/findings/rates.md")
HTML = REPORTS / "report.html"
REPORT = REPORTS / "report.md"
FIGURES = REPORTS / "figures"

EXPORT = Path("export")  # models, where nothing else is said

# Where the images of the built-in sources lie.
EMBEDDED = Path("data/embedded/fashion_mnist_15k.npz.xz")
DOWNLOADS = Path("data/downloads")
DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def split_file(block: int) -> Path:
    """Index lists of one block's replicates."""
    return SPLITS / f"{block}.npz"


def run_folder(variant: str, block: int) -> Path:
    """Folder of one matrix cell's outputs."""
    return RUNS / variant / str(block)

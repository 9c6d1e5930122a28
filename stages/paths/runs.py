"""Paths of prepared data, runs, and the replicate store."""

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
STORE = Path(".replicates")
# A GPU image names its own lock, for the CUDA libraries in it decide numbers too.
TRAINING_LOCK = Path(os.environ.get("SUITE_TRAINING_LOCK", "requirements-train.txt"))

# The code that decides a replicate's numbers: the import closure of stages.train (a test compares).
# It is hashed into the store's keys and listed as dependencies of the train stage in dvc.yaml.
TRAINING_CODE = (
    Path("stages/compute"),
    Path("stages/data/arrays.py"),
    Path("stages/data/subset.py"),
    Path("stages/errors.py"),
    Path("stages/model"),
    Path("stages/params/experiment.py"),
    Path("stages/params/schema.py"),
    Path("stages/paths/runs.py"),
    Path("stages/streams.py"),
    Path("stages/train.py"),
)

PREDICTIONS = "predictions.npz"
HISTORY = "history.csv"
RUN = "run.json"
MODELS = "models"
TELEMETRY = "telemetry.json"  # durations: never a DVC output, so that dvc.lock holds no time


def split_file(block: int) -> Path:
    """Index lists of one block's replicates."""
    return SPLITS / f"{block}.npz"


def run_folder(variant: str, block: int) -> Path:
    """Folder of one matrix cell's outputs."""
    return RUNS / variant / str(block)

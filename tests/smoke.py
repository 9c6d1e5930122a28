"""`make smoke`: the whole pipeline on real images at toy scale, in a scratch copy; prints a digest of its results."""

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.scratch import copy_repository, run

VARIANTS = ["baseline", "dropout", "augmentation"]
SCALE: dict[str, dict[str, Any]] = {
    "split": {"block_size": 4, "blocks": [0], "train_size": 200, "val_size": 200, "test_size": 500},
    "train": {"steps": 60},
}


def digest(folder: Path) -> str:
    """sha256 over the predictions and the metrics: equal digests are bit-identical results."""
    files = [*sorted(folder.glob("runs/*/*/predictions.npz")), folder / "reports/metrics.json"]
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()


def main() -> None:
    """Run, check that every artefact is there, print the metrics and the digest."""
    with tempfile.TemporaryDirectory(prefix="smoke-") as name:
        folder = copy_repository(Path(name), SCALE, VARIANTS)
        print(run(folder, "dvc", "repro").stdout)
        metrics = run(folder, "dvc", "metrics", "show", "--md").stdout
        missing = [f for f in ("reports/report.md", "reports/figures/differences.svg") if not (folder / f).exists()]
        clean = run(folder, "dvc", "status").stdout
        if missing or "up to date" not in clean or not all(variant in metrics for variant in VARIANTS):
            sys.exit(f"smoke failed: missing {missing}, status {clean!r}, metrics {metrics!r}")
        print(metrics)
        print(f"digest {digest(folder)}")


if __name__ == "__main__":
    main()

"""Prepare stage: the only one that knows where images come from.

Reads params.yaml (data, split, extra) and the source; writes data/prepared/: arrays/ (uint8 NHWC images,
int64 labels), splits/<block>.npz (each replicate's index lists), manifest.json.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from stages.data.sources import DATASETS, Images
from stages.data.splits import draw_replicate, draw_test
from stages.errors import SuiteError, run_stage
from stages.params import suite
from stages.params.experiment import Split
from stages.paths import runs


def prepare(images: Images, split: Split, blocks: list[int], folder: Path) -> dict[str, Any]:
    """Write the arrays and the index lists of `blocks` below `folder`; return the manifest.

    Raises SuiteError when a split asks for more images than the source has.
    """
    kept = draw_test(images.test_labels, split.test_size, split.seed)
    draws = {
        block: [draw_replicate(images.pool_labels, split, replicate) for replicate in split.replicates(block)]
        for block in blocks
    }  # every draw is checked before anything is written
    arrays = folder / runs.ARRAYS.name
    arrays.mkdir(parents=True)
    np.save(arrays / runs.array("pool", "images").name, images.pool_images)
    np.save(arrays / runs.array("pool", "labels").name, images.pool_labels)
    np.save(arrays / runs.array("test", "images").name, images.test_images[kept])
    np.save(arrays / runs.array("test", "labels").name, images.test_labels[kept])
    splits = folder / runs.SPLITS.name
    splits.mkdir()
    for block, drawn in draws.items():
        np.savez(
            splits / runs.split_file(block).name,
            replicates=np.array(split.replicates(block)),
            train_size=np.array(split.train_size),
            train=np.stack([train for train, _ in drawn]),
            val=np.stack([val for _, val in drawn]),
        )
    return manifest(images, split, len(kept))


def manifest(images: Images, split: Split, test_size: int) -> dict[str, Any]:
    """What was prepared: shapes, classes and counts per class, and the sha256 of the source's files."""
    names = images.class_names

    def per_class(labels: np.ndarray) -> dict[str, int]:
        return dict(zip(names, np.bincount(labels, minlength=len(names)).tolist(), strict=True))

    return {
        "image_shape": list(images.pool_images.shape[1:]),
        "class_names": list(names),
        "pool": {"images": len(images.pool_labels), "per_class": per_class(images.pool_labels)},
        "source_test": {"images": len(images.test_labels), "per_class": per_class(images.test_labels)},
        "test": {"images": test_size, "dropped": len(images.test_labels) - test_size, "why": "split.test_size"},
        "train_size": split.train_size,
        "val_size": split.val_size,
        "source_sha256": images.sha256,
    }


def main() -> None:
    """Prepare into a temporary folder, then move it into place, so that no half-written one is ever there."""
    params = suite.load()
    images = DATASETS[params.data.source]()
    partial = runs.PREPARED.with_name("prepared.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        content = prepare(images, params.split, params.blocks, partial)
        (partial / runs.MANIFEST.name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(runs.PREPARED, ignore_errors=True)
        partial.rename(runs.PREPARED)
    except OSError as error:
        raise SuiteError(f"cannot write {runs.PREPARED}: {error}; check its owner and free space") from None
    print(f"prepared {content['pool']['images']:,} pool and {content['test']['images']:,} test images")


if __name__ == "__main__":
    run_stage(main)

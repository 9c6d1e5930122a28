"""Reads and writes runs/seen.json: the user's own run, as their file tells it."""

import dataclasses
from typing import Any

from valgap.ground import paths, records
from valgap.ground.files import write_whole
from valgap.ground.params.symptom import Symptom
from valgap.stats.seen import Seen

CURE = "run `dvc repro symptom`"


def seen_of(symptom: Symptom | None) -> Seen | None:
    """What was seen: accuracies that params.yaml gives, or what was read from the file that it names.

    None where it says of no symptom. Raises SuiteError where the file was not read.
    """
    if symptom is None:
        return None
    counted: dict[str, Any] = {"val_images": symptom.val_images, "test_images": symptom.test_images}
    if symptom.file:
        beside = {"test_accuracy": symptom.test_accuracy} | counted if symptom.file[0] == "history" else {}
        return dataclasses.replace(records.read(Seen, paths.SEEN, CURE), **beside)
    assert symptom.train_accuracy is not None
    assert symptom.val_accuracy is not None
    return Seen(
        source="accuracies",
        by=symptom.scored_by,
        train_accuracy=symptom.train_accuracy,
        val_accuracy=symptom.val_accuracy,
        test_accuracy=symptom.test_accuracy,
        train_loss=symptom.train_loss,
        val_loss=symptom.val_loss,
        **counted,
    )


def write_seen(seen: Seen) -> None:
    """Write what was read from the user's file."""
    paths.SEEN.parent.mkdir(exist_ok=True)
    write_whole(paths.SEEN, records.text(seen, indent=2))

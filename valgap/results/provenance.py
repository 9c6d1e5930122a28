"""reports/provenance.json: from which data, settings, predictions and environments the tables were made."""

import dataclasses
from pathlib import Path

from valgap.data.prepared import Manifest
from valgap.ground import paths, records
from valgap.ground.records import Plain

CURE = "run `dvc repro evaluate`, or restore it from Git"


@dataclasses.dataclass(frozen=True)
class VariantRecord:
    """A trained variant: its diff, what its replicates were and cost, the md5 of its predictions by block.

    `train_images` are those that a replicate learned from, the mean where replicates left out different numbers.
    """

    diff: Plain
    replicates: int
    train_images: int
    steps: int
    parameters: int
    forward_flops: int
    selected_steps: tuple[int, ...]
    predictions_md5: dict[str, str]
    environments: tuple[dict[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The data, the baseline's model and settings as params.yaml had them, every variant, and those not trained."""

    schema: int
    data: Manifest
    model: Plain
    seed: int
    train: Plain
    variants: dict[str, VariantRecord]
    not_trained: dict[str, Plain]


def read_provenance(path: Path = paths.PROVENANCE) -> Provenance:
    """The provenance. Raises SuiteError where the file is missing or malformed."""
    return records.read(Provenance, path, CURE)


def parse_provenance(content: bytes) -> Provenance:
    """The provenance from a file's content. Raises ValueError on a malformed one."""
    return records.parse(Provenance, content)

"""What a cell in runs/ holds beside its predictions: run.json, history.csv and telemetry.json."""

import csv
import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.records import Plain

CURE = "run `dvc repro`"
History = Sequence[dict[str, float]]  # rows: replicate, step, epoch, and each score at that point


@dataclasses.dataclass(frozen=True)
class ReplicateFacts:
    """What a replicate was: its number, the size of its network, and the step whose weights were scored."""

    replicate: int
    parameters: int
    forward_flops: int
    selected_step: int


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """run.json of a cell: model and settings as params.yaml had them, its replicates, where they were made."""

    variant: str
    block: int
    seed: int
    model: Plain
    settings: Plain
    replicates: tuple[ReplicateFacts, ...]
    environments: tuple[dict[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Telemetry:
    """A replicate's seconds of training, of scoring its learning curve and of its predictions."""

    replicate: int
    train: float
    curve: float
    predict: float

    @property
    def seconds(self) -> float:
        """All of them."""
        return self.train + self.curve + self.predict


@dataclasses.dataclass(frozen=True)
class CellTelemetry:
    """telemetry.json of a cell. DVC does not track it: `run_sha256` ties it to the run.json beside it."""

    run_sha256: str
    replicates: tuple[Telemetry, ...]


def read_run(folder: Path) -> RunRecord:
    """run.json of a cell's folder. Raises SuiteError where it is missing or malformed."""
    return records.read(RunRecord, folder / paths.RUN, CURE)


def parse_run(content: bytes) -> RunRecord:
    """run.json from its content. Raises ValueError on a malformed one."""
    return records.parse(RunRecord, content)


def read_telemetry(folder: Path) -> tuple[Telemetry, ...]:
    """Durations of a cell's replicates; none where they are missing, damaged, or of another run than run.json.

    After a checkout the file may lie beside the run of another branch.
    """
    try:
        content = records.read(CellTelemetry, folder / paths.TELEMETRY, CURE)
        tied = content.run_sha256 == hashlib.sha256((folder / paths.RUN).read_bytes()).hexdigest()
    except (SuiteError, OSError):
        return ()
    return content.replicates if tied else ()


def parse_telemetry(content: bytes) -> Telemetry:
    """One replicate's telemetry, as the store keeps it. Raises ValueError on a malformed one."""
    return records.parse(Telemetry, content)


def write_cell(folder: Path, run: RunRecord, history: History, telemetry: Sequence[Telemetry]) -> None:
    """Write run.json, history.csv and telemetry.json into a cell's folder."""
    (folder / paths.RUN).write_text(records.text(run, indent=1), encoding="utf-8")
    tied = CellTelemetry(hashlib.sha256((folder / paths.RUN).read_bytes()).hexdigest(), tuple(telemetry))
    (folder / paths.TELEMETRY).write_text(records.text(tied, indent=1), encoding="utf-8")
    with (folder / paths.HISTORY).open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, history[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)

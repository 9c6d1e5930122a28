"""Block `symptom` of params.yaml: what the user saw that made them come. No training depends on it."""

import dataclasses
import re
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from valgap.ground.params.fields import NonNegative, Positive
from valgap.ground.params.schema import STRICT, ParamsError, parse
from valgap.ground.records import Plain

KINDS = ("history", "model")  # of files
ACCURACIES = ("train_accuracy", "val_accuracy", "test_accuracy")
LOSSES = ("train_loss", "val_loss")
IMAGES = ("val_images", "test_images")
PERCENT = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*%\s*")


@dataclass(frozen=True, config=STRICT)
class Symptom:
    """Block `symptom`: one training run of the user's, as its accuracies, or as a file that tells them.

    Accuracies are fractions, losses nats. `scored_by` says who measured the training images: `fit`, as its progress bar
    and its history have it, or `evaluate`. `val_images` and `test_images` count the user's own, where they are others
    than the suite's. `files` holds at most one: a `history` (CSVLogger, JSON, TensorBoard), or a saved `model`.
    """

    files: dict[str, str] = dataclasses.field(default_factory=dict)
    train_accuracy: NonNegative | None = None
    val_accuracy: NonNegative | None = None
    test_accuracy: NonNegative | None = None
    train_loss: NonNegative | None = None
    val_loss: NonNegative | None = None
    scored_by: Literal["fit", "evaluate"] = "fit"
    val_images: Positive | None = None
    test_images: Positive | None = None

    def __post_init__(self) -> None:
        for name in ACCURACIES:
            _refuse_percent(name, getattr(self, name))
        _check_files(self.files)
        given = [name for name in (*ACCURACIES, *LOSSES) if getattr(self, name) is not None]
        if self.file:
            kind, path = self.file
            given += [name for name in IMAGES if getattr(self, name) is not None]
            allowed = ("test_accuracy", *IMAGES) if kind == "history" else ()
            if told := [name for name in given if name not in allowed]:
                raise ParamsError(
                    key=f"symptom.{told[0]}", value=getattr(self, told[0]), why=f"files.{kind} = {path} tells it, too",
                    cure="keep one of them",
                )  # fmt: skip
            if kind == "history" and self.scored_by == "evaluate":
                raise ParamsError(
                    key="symptom.scored_by", value="evaluate", why=f"files.history = {path} is what fit measured",
                    cure="remove it, or give the accuracies that evaluate printed in place of the history",
                )  # fmt: skip
        elif given:
            for name in ACCURACIES[:2]:
                if name not in given:
                    raise ParamsError(
                        key=f"symptom.{name}", why=f"it is missing beside {given[0]}",
                        cure="the gap needs train_accuracy and val_accuracy, as fractions",
                    )  # fmt: skip

    @property
    def file(self) -> tuple[str, str] | None:
        """(kind, path) of the file that tells what was seen; None where accuracies do."""
        return next(iter(self.files.items()), None)


def read_symptom(raw: Plain) -> Symptom | None:
    """The block, None where it says nothing. Raises ParamsError on what it cannot be, with the cure."""
    if named := [kind for kind in KINDS if kind in raw]:
        raise ParamsError(
            key=f"symptom.{named[0]}", value=repr(raw[named[0]]), why="a file stands below symptom.files",
            cure=f"write files: {{{named[0]}: {raw[named[0]]}}}, so that DVC watches it",
        )  # fmt: skip
    for name in ACCURACIES:
        if isinstance(raw.get(name), str) and (percent := PERCENT.fullmatch(raw[name])):
            _refuse_percent(name, float(percent[1].replace(",", ".")), raw[name])
    found = parse(Symptom, raw, "symptom")
    return found if found.file or found.train_accuracy is not None else None


def check_file(symptom: Symptom | None) -> None:
    """Raise ParamsError where the file that the symptom names is not there."""
    if symptom and symptom.file and not Path(symptom.file[1]).exists():
        kind, path = symptom.file
        raise ParamsError(
            key=f"symptom.files.{kind}", value=path, why="it does not exist",
            cure="a relative path begins at the folder of params.yaml",
        )  # fmt: skip


def _refuse_percent(name: str, value: float | None, written: object = None) -> None:
    if value is not None and (value > 1 or written is not None):
        cure = f"write {value / 100:g}" if value <= 100 else "give a fraction from 0 to 1"
        shown = f"{value:g}" if written is None else repr(written)
        raise ParamsError(key=f"symptom.{name}", value=shown, why="it is no fraction", cure=cure)


def _check_files(files: Plain) -> None:
    if len(files) > 1:
        raise ParamsError(
            key="symptom.files", value=", ".join(files), why="they are two answers", cure="keep one of them"
        )
    for kind, path in files.items():
        if kind not in KINDS:
            raise ParamsError(f"params.yaml: symptom.files.{kind} is not known (allowed: {', '.join(KINDS)})")
        if not path.strip():
            raise ParamsError(key=f"symptom.files.{kind}", value=repr(path), why="it is no path")

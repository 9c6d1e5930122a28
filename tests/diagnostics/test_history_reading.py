"""Histories in every form that people have are read into the same curves; what is none is refused with a cure."""

import json
import math
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from valgap.diagnostics.history.curves import Curves
from valgap.diagnostics.history.read import read_history
from valgap.ground.errors import SuiteError

LOGS: dict[str, list[float]] = {
    "accuracy": [0.25, 0.5, 0.75],
    "loss": [1.5, 1.0, 0.5],
    "val_accuracy": [0.25, 0.5, 0.5],
    "val_loss": [1.25, 1.0, 1.125],
    "learning_rate": [0.01, 0.01, 0.001],
}


class History:
    """As `fit` returns it."""

    def __init__(self, history: dict[str, Any]) -> None:
        self.history, self.epoch, self.params = history, [0, 1, 2], {"epochs": 3}


def csv_of(logs: dict[str, list[Any]], separator: str = ",", epochs: Any = None) -> str:
    rows = [
        ["epoch", *logs],
        *([e, *row] for e, row in zip(epochs or range(99), zip(*logs.values(), strict=True), strict=False)),
    ]
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def assert_same(curves: Curves, logs: dict[str, list[float]] = LOGS) -> None:
    for name, values in logs.items():
        found = getattr(curves, name)
        assert found.dtype == np.float64
        assert found.tolist() == pytest.approx(values)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(step: int, tag: str, value: float, tensor: bool) -> bytes:
    """A record of an event file with one scalar, as TensorFlow 2 writes it (`tensor`) or TensorFlow 1 did."""
    if tensor:  # dtype float, a shape without sizes, tensor_content
        content = field(8, b"\x08\x01" + field(2, b"") + field(4, struct.pack("<f", value)))
    else:
        content = varint(2 << 3 | 5) + struct.pack("<f", value)
    summary = field(1, field(1, tag.encode()) + content)
    message = b"\x09" + struct.pack("<d", 1.0) + b"\x10" + varint(step) + field(5, summary)
    return struct.pack("<Q", len(message)) + b"crc1" + message + b"crc2"


def write_events(
    folder: Path, logs: dict[str, list[float]], tensor: bool, prefix: str = "epoch_", name: str = "1"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{name}.host.v2"
    version = b"\x1a\x0dbrain.Event:2"
    records = struct.pack("<Q", len(version)) + b"crc1" + version + b"crc2"
    for tag, values in logs.items():
        records += b"".join(event(step, prefix + tag, value, tensor) for step, value in enumerate(values))
    path.write_bytes(records)
    return path


def board(root: Path, logs: dict[str, list[float]] = LOGS, tensor: bool = True, name: str = "1") -> None:
    fitted = {tag: values for tag, values in logs.items() if not tag.startswith("val_")}
    held = {tag.removeprefix("val_"): values for tag, values in logs.items() if tag.startswith("val_")}
    write_events(root / "train", fitted, tensor, name=name)
    write_events(root / "validation", held, tensor, name=name)


def test_what_fit_returns_is_read_in_every_form_of_it(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    for thing in (LOGS, {"history": LOGS}, {"history": LOGS, "epoch": [0, 1, 2]}):
        path.write_text(json.dumps(thing))
        for form in (thing, path, str(path)):
            assert_same(read_history(form))
    assert_same(read_history(History(LOGS)))
    assert_same(read_history({name: np.array(values, np.float32) for name, values in LOGS.items()}))
    assert_same(read_history(pd.DataFrame(LOGS)))


def test_json_as_pandas_writes_it(tmp_path: Path) -> None:
    for orient in ("columns", "records"):
        path = tmp_path / f"{orient}.json"
        pd.DataFrame(LOGS).to_json(path, orient=orient)
        assert_same(read_history(path))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_of_csvlogger_is_read(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\ufeff" + csv_of(LOGS, separator), encoding="utf-8")
    assert_same(read_history(path))


def test_decimal_commas_are_read_beside_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(csv_of(LOGS, ";").replace(".", ","))
    assert_same(read_history(path))


def test_a_run_resumed_where_it_ended_is_one_run(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(csv_of({"loss": [3.0, 2.0]}) + "".join(csv_of({"loss": [1.8, 1.5]}).splitlines(keepends=True)[1:]))
    curves = read_history(path)
    assert curves.loss is not None
    assert curves.loss.tolist() == [3.0, 2.0, 1.8, 1.5]
    assert curves.runs == 1


def test_epochs_that_were_trained_again_take_the_place_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(csv_of({"loss": [3.0, 2.0, 1.5, 1.2]}) + "2,1.6\n3,1.3\n4,1.1\n")
    curves = read_history(path)
    assert curves.loss is not None
    assert curves.loss.tolist() == [3.0, 2.0, 1.6, 1.3, 1.1]


def test_of_runs_that_began_anew_the_last_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(csv_of({"loss": [3.0, 1.0]}) + csv_of({"loss": [3.1, 2.0, 1.0]}))  # with a second header
    curves = read_history(path)
    assert curves.loss is not None
    assert curves.loss.tolist() == [3.1, 2.0, 1.0]
    assert curves.runs == 2


@pytest.mark.parametrize("tensor", [True, False])
def test_event_files_are_read_from_the_log_folder_and_from_each_of_its_parts(tmp_path: Path, tensor: bool) -> None:
    board(tmp_path / "logs", tensor=tensor)
    for path in (tmp_path, tmp_path / "logs", next((tmp_path / "logs" / "train").iterdir())):
        assert_same(read_history(path))


def test_one_event_file_with_both_splits_is_read(tmp_path: Path) -> None:
    assert_same(read_history(write_events(tmp_path, LOGS, True)))


def test_a_cut_event_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_events(tmp_path, {"loss": [3.0, 2.0, 1.0]}, True)
    path.write_bytes(path.read_bytes()[:-9])
    curves = read_history(path)
    assert curves.loss is not None
    assert curves.loss.tolist() == [3.0, 2.0]


def test_of_two_runs_in_one_log_folder_the_last_is_read(tmp_path: Path) -> None:
    board(tmp_path, {"loss": [9.0, 1.0], "val_loss": [9.0, 1.0]}, name="1")
    board(tmp_path, {"loss": [8.0, 1.5], "val_loss": [8.0, 1.5]}, name="2")
    curves = read_history(tmp_path)
    assert curves.loss is not None
    assert curves.loss.tolist() == [8.0, 1.5]
    assert curves.runs == 2


def test_several_runs_in_folders_of_their_own_are_asked_about(tmp_path: Path) -> None:
    board(tmp_path / "first")
    board(tmp_path / "second")
    with pytest.raises(SuiteError, match=r"2 runs \(first, second\)"):
        read_history(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "acc",
        "categorical_accuracy",
        "sparse_categorical_accuracy",
        "binary_accuracy",
        "head_accuracy",
        "Train Accuracy",
    ],
)
def test_accuracies_by_any_of_their_names(name: str) -> None:
    held = "val_accuracy" if " " in name else f"val_{name}"
    curves = read_history({"loss": [1.0, 0.5], name: [0.5, 0.6], held: [0.4, 0.5]})
    assert curves.accuracy is not None
    assert curves.val_accuracy is not None
    assert curves.accuracy.tolist() == [0.5, 0.6]
    assert curves.val_accuracy.tolist() == [0.4, 0.5]


def test_other_metrics_are_not_taken_for_an_accuracy() -> None:
    values = [0.5, 0.6]
    curves = read_history(
        {"loss": values, "top_k_categorical_accuracy": values, "auc": values, "fair_accuracy": values}
    )
    assert curves.accuracy is None
    assert curves.metric is None


def test_percentages_become_shares() -> None:
    curves = read_history({"accuracy": [25.0, 99.5], "val_accuracy": [0.9, 50.0]})
    assert curves.accuracy is not None
    assert curves.accuracy.tolist() == [0.25, 0.995]
    assert curves.val_accuracy is not None
    assert curves.val_accuracy.tolist() == pytest.approx([0.009, 0.5])


def test_validation_every_few_epochs_keeps_these_epochs(tmp_path: Path) -> None:
    curves = read_history({"loss": [6.0, 5.0, 4.0, 3.0, 2.0], "val_loss": [5.5, 3.5]})
    assert curves.loss is not None
    assert curves.loss.tolist() == [5.0, 3.0]
    assert (curves.every, curves.epochs, curves.epoch(1)) == (2, 2, 4)
    path = tmp_path / "log.csv"
    path.write_text(csv_of({"loss": [6.0, 5.0, 4.0, 3.0], "val_loss": ["NA", 5.5, "NA", 3.5]}))
    assert read_history(path).every == 2


def test_a_run_stopped_by_hand_before_its_validation_loses_that_epoch() -> None:
    curves = read_history({"loss": [4.0, 3.0, 2.0, 1.0], "val_loss": [4.0, 3.0, 2.0]})
    assert curves.loss is not None
    assert curves.loss.tolist() == [4.0, 3.0, 2.0]


def test_values_that_are_not_finite_stay(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(csv_of({"loss": [1.0, "nan", "inf"], "val_loss": [1.0, 2.0, 3.0]}))
    curves = read_history(path)
    assert curves.loss is not None
    assert math.isnan(curves.loss[1])
    assert math.isinf(curves.loss[2])


def test_one_epoch_is_read() -> None:
    assert read_history({"loss": [1.0], "val_loss": [1.0]}).epochs == 1


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        ({}, "it has nothing"),
        ({"loss": [], "val_loss": []}, "neither a loss nor an accuracy"),
        ({"mae": [1.0]}, "it has `mae`"),
        ({"loss": [1.0, 2.0], "accuracy": [0.5]}, "different lengths"),
        ({"loss": [1.0] * 7, "val_loss": [1.0] * 5}, "different lengths"),
        ({"loss": [1.0, "high"]}, "'high', which is no number"),
        ({"loss": 0.5}, "no list"),
        ({"loss": [1.0, None, 2.0]}, "lacks values"),
        ({"accuracy": [0.5, 250.0]}, "no share and no percentage"),
        ({"accuracy": [-0.5, 0.5]}, "no share"),
        (3, "a int"),
        (None, "NoneType"),
        ("missing.csv", "does not exist"),
    ],
)
def test_what_is_no_history_is_refused_with_a_cure(thing: Any, says: str) -> None:
    with pytest.raises(SuiteError, match=says) as raised:
        read_history(thing)
    assert "CSVLogger" in str(raised.value)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    for name in ("history.pkl", "history"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(LOGS))
        with pytest.raises(SuiteError, match="could run any code"):
            read_history(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("log.csv", b""), ("log.csv", b"epoch,loss\n"), ("log.csv", b"\xff\xfe\x00\x00"), ("h.json", b"{"),
     ("h.json", b"[1]"), ("events.out.tfevents.1", struct.pack("<Q", 3) + b"crc1" + b"\xff\xff\xff" + b"crc2")],
)  # fmt: skip
def test_files_that_hold_none_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SuiteError, match="history"):
        read_history(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no event file"):
        read_history(tmp_path)

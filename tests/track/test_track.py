"""`valgap track`: the runs that are written, from the reports in Git, and TensorBoard's files as it reads them."""

import dataclasses
import importlib
import importlib.util
import json
import math
import shutil
import struct
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.scratch import ROOT
from valgap import cli
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.report import inputs
from valgap.stats.measures import MEASURES
from valgap.track import to_mlflow, to_tensorboard, tree
from valgap.track.tree import Node

HISTORY = """replicate,step,epoch,train_accuracy,val_accuracy
0,20,2,0.7,0.6
0,10,1,0.5,
1,10,1,0.55,0.5
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reports in Git, with runs of one cell."""
    shutil.copytree(ROOT / paths.REPORTS, tmp_path / paths.REPORTS)
    shutil.copy(ROOT / paths.PARAMS, tmp_path)
    (tmp_path / paths.HTML).write_text("<html>")
    cell = tmp_path / paths.run_folder("baseline", 0)
    cell.mkdir(parents=True)
    (cell / paths.HISTORY).write_text(HISTORY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def built(workspace: Path) -> Node:
    return tree.build(inputs.read(), tree.scores())


def every(node: Node) -> list[Node]:
    return [node, *(each for child in node.children for each in every(child))]


def test_below_the_diagnosis_stands_a_run_a_variant_and_below_it_one_a_replicate(built: Node) -> None:
    known = json.loads(paths.PROVENANCE.read_text())["variants"]
    variants = {child.name: child for child in built.children}
    assert next(iter(variants)) == "baseline"
    assert set(variants) == set(known)
    for name, child in variants.items():
        assert len(child.children) == known[name]["replicates"] == int(child.tags["valgap.replicates"])
        assert {each.tags["valgap.variant"] for each in child.children} == {name}
    assert [each.name for each in variants["baseline"].children] == [f"replicate {r}" for r in range(6)]


def test_numbers_are_those_of_the_tables(built: Node) -> None:
    dropout = next(child for child in built.children if child.name == "dropout")
    summary = pd.read_csv(paths.SUMMARY)
    row = summary[(summary.variant == "dropout") & (summary.split == "test") & (summary.metric == "accuracy")].iloc[0]
    found = [dropout.metrics[f"test_accuracy{end}"] for end in ("", ".low", ".high")]
    assert found == [row["mean"], row.low, row.high]
    values = [child.metrics["test_accuracy"] for child in dropout.children]
    assert sum(values) / len(values) == pytest.approx(row["mean"], rel=1e-5)
    assert dropout.metrics["gap"] == pytest.approx(
        sum(child.metrics["gap"] for child in dropout.children) / len(values), rel=1e-4
    )


def test_words_and_limits_of_the_verdict_are_tags_and_metrics(built: Node) -> None:
    verdict = json.loads(paths.VERDICT.read_text())
    for entry in verdict["causes"]:
        assert built.tags[f"cause.{entry['cause']}"] == entry["verdict"]
        if "mean" in entry and entry["mean"] is not None:
            assert built.metrics[f"cause.{entry['cause']}"] == entry["mean"]
            assert built.metrics[f"cause.{entry['cause']}.low"] == entry["low"]
    assert built.metrics["gap"] == verdict["gap"]["train_val"]["mean"]
    assert "too few images" in built.tags["valgap.headline"]
    contrasts = pd.read_csv(paths.CONTRASTS)
    rows = contrasts[contrasts.verdict.notna()]
    assert len(rows) > 5
    arms = {child.name: child for child in built.children}
    for row in rows.itertuples():
        if "+" in row.variant:  # one arm on each half of the replicates: that is the diagnosis's, and no variant's
            assert built.tags[f"cause.{row.cause}.arms"] == row.variant.replace("+", ", ")
        else:
            assert arms[row.variant].tags[f"verdict.{row.cause}"] == row.verdict


def test_an_effect_says_against_what_and_what_it_would_have_found(built: Node) -> None:
    contrasts = pd.read_csv(paths.CONTRASTS)
    rows = contrasts[(contrasts.variant == "without_suspects") & (contrasts.metric == "accuracy")]
    assert list(rows.role) == ["cause", "remedy", "exploratory"]
    node = next(child for child in built.children if child.name == "without_suspects")
    for row in rows.itertuples():  # the same mean, and limits of three families
        found = [node.metrics[f"{row.role}.accuracy{end}"] for end in ("", ".low", ".high", ".confidence")]
        assert found == [row.mean, row.low, row.high, row.confidence]
    assert node.metrics["cause.accuracy.detectable"] == rows.iloc[0].mde
    (other,) = contrasts[contrasts.against != "baseline"].head(1).itertuples()
    node = next(child for child in built.children if child.name == other.variant)
    assert f"{other.role}.{other.metric}.on.{other.against}" in node.metrics


def test_nothing_unknown_is_written_and_every_name_is_one_that_mlflow_takes(built: Node) -> None:
    for node in every(built):
        assert all(math.isfinite(value) for value in node.metrics.values())
        names = [*node.metrics, *node.params, *node.tags, *(name for name, _, _ in to_mlflow.points(node))]
        assert all(name.replace(".", "").replace("_", "").isalnum() and len(name) <= 250 for name in names), node.name
        assert all(len(text) <= 500 for text in [*node.params.values(), *node.tags.values()])


def test_curves_come_from_runs_where_they_are_here_and_rise_in_steps(built: Node) -> None:
    baseline = built.children[0]
    assert baseline.children[0].curves["train_accuracy"] == ((10, 0.5), (20, 0.7))
    assert baseline.children[0].curves["val_accuracy"] == ((20, 0.6),), "what is empty is left out"
    assert baseline.children[2].curves == {}
    assert len(baseline.curves["val_accuracy"]) == 6, "the mean's, from reports/"
    shutil.rmtree(paths.RUNS)
    assert tree.build(inputs.read(), tree.scores()).children[0].children[0].curves == {}


def test_files_are_the_reports_that_are_here(built: Node) -> None:
    assert paths.HTML in built.files
    assert paths.VERDICT in built.files
    paths.HTML.unlink()
    assert paths.HTML not in tree.build(inputs.read(), tree.scores()).files


def test_other_numbers_are_other_reports(workspace: Path) -> None:
    before = tree.digest()
    assert tree.digest() == before
    paths.RESULTS.write_text(paths.RESULTS.read_text().replace("0.991", "0.992", 1))
    assert tree.digest() != before


def test_batches_hold_everything_once_and_no_more_than_mlflow_takes() -> None:
    curve = tuple((step, float(step)) for step in range(2500))
    node = Node("n", params={f"p{i}": "" for i in range(250)}, metrics={"m": 1.0}, curves={"val_accuracy": curve})
    found = list(to_mlflow.batches(node))
    assert [(kind, len(entries)) for kind, entries in found] == [
        ("params", 100), ("params", 100), ("params", 50), ("metrics", 1000), ("metrics", 1000), ("metrics", 501),
    ]  # fmt: skip
    written = [entry for kind, entries in found if kind == "metrics" for entry in entries]
    assert written == [("m", 1.0, 0), *(("curve.val_accuracy", value, step) for step, value in curve)]
    assert list(to_mlflow.batches(Node("empty"))) == []


def test_without_mlflow_it_says_what_to_install(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else known(name))
    assert cli.run(["track", "--to", "mlflow"]) == 1
    assert capsys.readouterr().err == "error: valgap track --to mlflow needs mlflow: pip install 'valgap[mlflow]'\n"
    assert not (workspace / "mlflow.db").exists()
    assert 'mlflow = ["valgap[suite]", "mlflow>=' in (ROOT / "pyproject.toml").read_text()


def test_a_report_that_is_not_here_is_said(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.HTML.unlink()
    monkeypatch.setattr(to_mlflow, "write", lambda *_: "done")
    monkeypatch.setitem(importlib.import_module("valgap.track.command").TRACKERS, "mlflow", lambda *_: "done")
    assert cli.run(["track", "--to", "mlflow"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "done\n"
    assert shown.err == "note: reports/report.html is not here, and so not written: `valgap report` makes it\n"


SMALL = Node(
    "reports",
    tags={"valgap.reports": "abc", "verdict": "contributes"},
    metrics={"gap": 0.125},
    children=(
        Node(
            "dropout",
            params={"dropout": "[0.5]"},
            children=(Node("replicate 3", curves={"loss": ((1, 2.0), (5, 0.5))}),),
        ),
    ),
)


def events(folder: Path) -> list[Any]:
    """The records of a folder's one event file: length, its CRC, content, its CRC, as TensorBoard reads them."""
    import tensorflow as tf

    (path,) = folder.glob("events.out.tfevents.*")
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        found.append(tf.compat.v1.Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return [event for event in found if event.summary.value]


def read(folder: Path, plugin: str) -> list[tuple[str, int, Any]]:
    import tensorflow as tf

    values = [(event.step, value) for event in events(folder) for value in event.summary.value]
    return [
        (value.tag, step, tf.make_ndarray(value.tensor).tolist())
        for step, value in values
        if value.metadata.plugin_data.plugin_name == plugin
    ]


def test_tensorboard_reads_a_folder_a_run(tmp_path: Path) -> None:
    out = tmp_path / "logs"
    assert to_tensorboard.write(SMALL, str(out)) == f"wrote 3 runs below {out}: tensorboard --logdir {out}"
    assert read(out, "scalars") == [("gap", 0, 0.125)]
    assert read(out, "text") == [("said", 0, [[b"valgap.reports", b"abc"], [b"verdict", b"contributes"]])]
    assert read(out / "dropout", "text") == [("settings", 0, [[b"dropout", b"[0.5]"]])]
    assert read(out / "dropout/replicate 3", "scalars") == [("curve/loss", 1, 2.0), ("curve/loss", 5, 0.5)]


def test_the_same_reports_are_written_once_and_nothing_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "logs"
    to_tensorboard.write(SMALL, str(out))
    before = sorted(out.rglob("*"))
    assert to_tensorboard.write(SMALL, str(out)) == f"{out} holds these reports already"
    assert sorted(out.rglob("*")) == before
    others = dataclasses.replace(SMALL, tags={"valgap.reports": "other"})
    with pytest.raises(SuiteError, match="holds other files: name a folder that is new or empty"):
        to_tensorboard.write(others, str(out))
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="holds other files"):
        to_tensorboard.write(SMALL, str(tmp_path / "file"))


def test_measures_have_the_names_that_reviews_use(built: Node) -> None:
    assert {"test_accuracy", "val_accuracy", "train_accuracy", "gap", "test_nll"} <= set(MEASURES) & set(
        built.children[0].metrics
    )

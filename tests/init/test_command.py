"""The command as a user calls it: what it refuses at once, and what it leaves behind."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.init.folders import fill
from tests.scratch import ROOT, user_environment
from valgap import cli
from valgap.data.sources.registry import chosen
from valgap.ground.params import suite
from valgap.init.command import commands_after, next_step

NETWORK = """
import keras
from keras import layers


def build(input_shape, classes, knobs):  # answers to dropout alone
    rate = knobs.dropout[2]
    return keras.Sequential([
        keras.Input(input_shape), layers.Conv2D(8, 3, 2, activation="relu"), layers.Flatten(),
        *([layers.Dropout(rate)] if rate else []), layers.Dense(classes),
    ])
"""


def init(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = user_environment() | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "valgap", "init", *words]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, env=environment)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data", "photos", "--budget", "2 days"], 1, "BUDGET = '2days' is not a duration"),
        (["--data", "absent"], 1, "--data = 'absent'"),
        (["--data", "photos", "--model", "my_net"], 1, "--model my_net is no builder (allowed: cnn, resnet, "),
        (["--data", "photos", "--model", "my.net:build"], 1, "there is no my/net.py here"),
    ],
)
def test_what_cannot_be_is_refused_by_the_words_of_the_command_line(
    words: list[str], status: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    fill(tmp_path / "photos", {"cat": 3, "dog": 3})
    monkeypatch.chdir(tmp_path)
    assert cli.run(["init", *words]) == status
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("out", [(), ("--out", "elsewhere")])
def test_a_file_that_is_there_is_left_as_it_is(
    out: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(*out[1:], "params.yaml")
    monkeypatch.chdir(tmp_path)
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    assert cli.run(["init", "--data", "photos", *out]) == 1
    assert f"{path} is there, and is never overwritten" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_the_next_step_is_a_sentence() -> None:
    there = commands_after(Path("a b/params.yaml"), 7200, "2h")
    assert commands_after(Path("params.yaml"), 3600, "1h") == ("valgap repro",)
    assert there == ("mv 'a b/params.yaml' params.yaml", "valgap repro --budget 2h")
    assert next_step((), there, ", there") == f"Next, there: `{there[0]}`, then `{there[1]}`"
    asked = next_step(("line 5, data.group_pattern",), ("valgap repro",))
    assert asked == "Answer a question in it (line 5, data.group_pattern). Next: `valgap repro`"


def test_a_folder_with_a_split_and_a_users_network_end_in_a_file_that_is_ready(tmp_path: Path) -> None:
    """The network ignores width and head, so there is no arm of capacity, and init says so."""
    fill(
        tmp_path / "photos", {f"{split}/{name}": 24 for split in ("training", "validation") for name in ("cat", "dog")}
    )
    (tmp_path / "net.py").write_text(NETWORK)
    done = init(tmp_path, "--data", "photos", "--model", "net:build", "--budget", "30m")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "params.yaml").read_text()
    assert len(text.splitlines()) < 40
    params = suite.load(tmp_path / "params.yaml")
    assert (params.model.builder, params.model.files, params.data.path) == ("net:build", "net.py", "photos")
    assert {"dropout", "half_data", "mild_augmentation"} <= set(params.variants)
    assert not {"narrow", "wide", "pooling_head"} & set(params.variants)
    assert "the network does not answer to: narrow, pooling_head, wide" in done.stdout
    assert done.stdout.rstrip().endswith("Next, in a clone of the suite, or after `valgap init --here`: `valgap repro`")
    assert "processes on " in done.stdout
    assert yaml.safe_load(text)["split"] == {"val_size": "all", "exploratory_blocks": []} | {
        "block_size": params.split.block_size, "blocks": [*params.split.blocks],
    }  # fmt: skip
    data = dataclasses.replace(params.data, path=str(tmp_path / "photos"))
    images = chosen(data).load(data, tmp_path / "images.npy")
    assert len(images.labels) == 96
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix in (".yaml", ".partial")) == ["params.yaml"]


def test_a_budget_too_short_names_one_that_is_enough_and_leaves_no_file(tmp_path: Path) -> None:
    fill(tmp_path / "photos", {"cat": 12, "dog": 12}, sizes=((16, 16),))
    done = init(tmp_path, "--data", "photos", "--budget", "0.01m")
    assert done.returncode == 1
    assert (
        done.stderr.startswith("error: --budget = 0.01 minutes: ") or "error: --budget = 0.01 minutes: " in done.stderr
    )
    assert not (tmp_path / "params.yaml").exists()

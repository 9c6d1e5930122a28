"""examples/own_images from end to end under the real DVC at toy scale: a folder of images and an own builder."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.scratch import ROOT, copy_repository, read_params, run, write_params
from tests.toys import Toys
from valgap.data.sources.registry import source
from valgap.ground.params.suite import load

EXAMPLE = "examples/own_images"
TOY: dict[str, dict[str, Any]] = {
    "split": {"block_size": 2, "blocks": [0]},
    "train": {"steps": 40, "curve_points": 2},
}
VARIANTS = ["baseline", "half_data", "dropout", "moved"]


def make_project(folder: Path) -> None:
    """A scratch copy with the example's images, tracked by DVC, and its parameters, after one run."""
    copy_repository(folder, {}, ["baseline"])
    run(folder, "python", f"{EXAMPLE}/make_images.py")
    params = yaml.safe_load((ROOT / EXAMPLE / "params.yaml").read_text())
    params["variants"] = {name: params["variants"][name] for name in VARIANTS}
    params["causes"] = {
        "data": {"injects": ["half_data"]},
        "regularization": {"removes": ["dropout"]},
        "augmentation": {"opposes": ["moved"]},
    }
    for block, values in TOY.items():
        params[block] |= values
    write_params(folder, params)
    gitignore = folder / ".gitignore"
    gitignore.write_text(gitignore.read_text().replace(f"/{EXAMPLE}/digits/\n", ""))
    run(folder, "dvc", "add", f"{EXAMPLE}/digits")
    run(folder, "dvc", "repro")


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.copy(make_project, tmp_path_factory.mktemp("own"))


def test_the_examples_parameters_are_valid_and_change_what_they_must() -> None:
    suite, shipped = load(ROOT / EXAMPLE / "params.yaml"), load(ROOT / "params.yaml")
    assert source(suite.data.source).own
    assert suite.model.builder == "examples.own_images.model:build"
    assert suite.train.batch_size == shipped.train.batch_size
    assert set(suite.causes) >= {"data", "capacity", "regularization"}


@pytest.mark.parametrize(
    ("name", "precision", "frozen"),
    [("params.yaml", {"float32"}, {0.99, 0}), ("small.yaml", {"float32", "mixed_bfloat16"}, {0})],
)
def test_the_parameters_for_photos_are_valid(name: str, precision: set[str], frozen: set[float]) -> None:
    suite = load(ROOT / "examples/photos" / name)
    assert suite.data.image_size == (224, 224)
    assert {settings.precision for settings in suite.variants.values()} == precision
    assert {settings.frozen for settings in suite.variants.values()} == frozen


def test_an_answer_comes_from_a_folder_and_a_builder(project: Path) -> None:
    manifest = json.loads((project / "data/prepared/manifest.json").read_text())
    assert manifest["image_shape"] == [8, 8, 1]
    assert manifest["class_names"] == [f"digit_{n}" for n in range(10)]
    assert (manifest["test_size"], manifest["val_size"], manifest["train_size"]) == (449, 270, 1078)
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert metrics["baseline"]["test_accuracy"] > 0.5  # of ten classes, after 40 steps
    report = (project / "reports/report.md").read_text()
    assert "replicates vary seeds and validation" in report
    made = json.loads((project / "runs/dropout/0/run.json").read_text())
    assert made["model"]["builder"] == "examples.own_images.model:build"


def test_the_split_of_a_run_is_that_of_the_folder(project: Path) -> None:
    with np.load(project / "runs/baseline/0/predictions.npz") as found:
        lists = [found[f"{name}_index"] for name in ("train", "val", "test")]
        assert all(np.array_equal(found[f"{name}_groups"], found[f"{name}_index"]) for name in ("train", "val", "test"))
    for row in range(2):
        assert sorted(np.concatenate([rows[row] for rows in lists])) == list(range(1797))


def test_a_new_image_runs_what_it_must(project: Path) -> None:
    assert "up to date" in run(project, "dvc", "status").stdout
    new = project / EXAMPLE / "digits/digit_0/new.png"
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(new)
    try:
        stale = json.loads(run(project, "dvc", "status", "--json").stdout.splitlines()[-1])
        assert "prepare" in stale
        assert f"{EXAMPLE}/digits.dvc" in stale  # tracked: the new image is to be added
    finally:
        new.unlink()
    assert "up to date" in run(project, "dvc", "status").stdout


def test_a_variant_that_the_builder_ignores_is_refused_before_any_training(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(project, folder, symlinks=True)
    params = read_params(folder)
    params["variants"] |= {"pooled": {"head": "pooling"}, "normal": {"batch_norm": True}, "narrow": {"width": 0.5}}
    write_params(folder, params)
    done = run(folder, "dvc", "repro", check=False)
    assert done.returncode != 0
    assert "pooled" in done.stdout
    assert "normal" in done.stdout
    assert not (folder / "runs/narrow").exists()
    assert (folder / "runs/baseline/0/predictions.npz").exists()  # nothing computed is lost


def test_a_variant_with_a_transform_that_was_not_allowed_is_refused(project: Path, tmp_path: Path) -> None:
    params = read_params(project)
    params["variants"]["mirrored"] = {"augmentation": {"horizontal_flip": True}}
    (tmp_path / "valgap").symlink_to(project / "valgap")
    write_params(tmp_path, params)
    done = run(tmp_path, "python", "-m", "valgap.ground.params", check=False)
    assert done.returncode == 1
    assert "mirrored applies horizontal_flip, which data.allowed_transforms = ['rotation', 'shift']" in done.stdout

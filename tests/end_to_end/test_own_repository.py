"""The suite in a repository that is not the suite's: laid down, run, upgraded, reviewed; real Git, DVC and training.

The library is a copy of the package, as a wheel installs it, in a folder that Python looks into. The pipeline runs
once; each test has a copy of the repository and of the library.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.scratch import read_params, user_environment, write_params
from valgap.ground import paths
from valgap.pipeline import shipped

pytestmark = pytest.mark.slow

BUILDER = """
import keras

from photosort.layers import body


def build(input_shape, classes, knobs):
    inputs = keras.Input(input_shape)
    x = body(inputs, knobs.dropout[2])
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""
LAYERS = """
import keras


def body(x, rate):
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(x))
    return keras.layers.Dropout(rate)(x) if rate else x
"""
PARAMS = """
data: {path: photos, allowed_transforms: []}
split:
  {block_size: 2, blocks: [0], exploratory_blocks: [], train_size: 30, max_train_factor: 1, val_size: 20, test_size: 20}
model: {builder: "photosort.net:build", files: photosort}
train: {steps: 8, batch_size: 8, curve_points: 2, curve_train_images: 20}
variants:
  baseline: {}
  dropout: {dropout: [0, 0, 0.5]}
  longer: {steps: 16}
exploratory: {}
extra: {}
causes: {regularization: {removes: [dropout]}, training: {removes: [longer]}}
diagnosis: {}
compute: {workers: 2}
"""


@dataclass(frozen=True)
class Place:
    """A user's repository, and where the package is installed that its commands find."""

    repository: Path
    library: Path

    def run(self, *words: str, status: int = 0, folder: Path | None = None) -> str:
        """What a command says, errors included; it must end with `status`."""
        done = subprocess.run(
            words, cwd=folder or self.repository, env=user_environment() | {"PYTHONPATH": str(self.library)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def valgap(self, *words: str, status: int = 0, folder: Path | None = None) -> str:
        return self.run("python", "-m", "valgap", *words, status=status, folder=folder)

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)

    def repro(self, *words: str) -> tuple[list[str], str]:
        """Stages that ran beside `library`, which always does, and all that was said."""
        said = self.run("dvc", "repro", *words)
        ran = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
        assert ran[0] == "library"
        return ran[1:], said

    def upgrade(self, file: str, old: str, new: str) -> None:
        """Edit a file of the installed package, and its version, as every upgrade does."""
        for name, before, after in ((file, old, new), ("ground/version.py", "__version__ = ", "__version__ = '9' or ")):
            path = self.library / "valgap" / name
            assert before in path.read_text()
            path.write_text(path.read_text().replace(before, after, 1))


def install(folder: Path) -> Path:
    """What a wheel would leave below site-packages."""
    shutil.copytree(paths.PACKAGE, folder / "valgap", ignore=shutil.ignore_patterns("__pycache__"))
    for name in shipped.FILES:
        target = folder / "valgap" / shipped.HERE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.PACKAGE.parent / name, target)
    return folder


def photos(folder: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(96):
        name = ("cat", "dog")[number % 2]
        pixels = random.integers(0, 120, (12, 12, 3)) + (number % 2) * np.array([60, 0, 0])
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """After the commands of docs/your_repository.md, with a small params.yaml of the user's own."""
    root = tmp_path_factory.mktemp("own")
    place = Place(root / "repository", install(root / "library"))
    (place.repository / "photosort").mkdir(parents=True)
    for name, text in {"__init__": "", "net": BUILDER, "layers": LAYERS}.items():
        (place.repository / f"photosort/{name}.py").write_text(text)
    photos(place.repository / "photos")
    place.run("git", "init", "-q", "-b", "main")
    place.run("dvc", "init", "-q")
    place.run("dvc", "add", "-q", "photos")
    (place.repository / "params.yaml").write_text(PARAMS)
    assert "dvc.yaml: written" in place.valgap("init", "--here")
    place.commit("before")
    ran, _ = place.repro()
    cells = ["train@baseline-0", "train@dropout-0", "train@longer-0"]
    assert ran == ["prepare", "models", *cells, "evaluate", "diagnose", "looks", "report"]
    place.commit("results")
    return place


@pytest.fixture
def place(finished: Place, tmp_path: Path) -> Place:
    for folder in (finished.repository, finished.library):
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    return Place(tmp_path / finished.repository.name, tmp_path / finished.library.name)


def test_the_results_are_in_git_and_nothing_is_out_of_date(place: Place) -> None:
    tracked = place.run("git", "ls-files").split()
    assert {"reports/report.md", "reports/results.csv", "library/training.txt", "dvc.lock", "photos.dvc"} <= set(
        tracked
    )
    assert not [name for name in tracked if name.startswith(("runs", "photos/", "data", "valgap", "stages"))]
    assert "# " in (place.repository / "reports/report.md").read_text()
    assert place.run("dvc", "status").split("\n") == ["library:", "\talways changed", ""]
    assert place.repro()[0] == []
    assert place.run("git", "status", "--short") == ""
    assert "dvc.lock belongs to dvc.yaml" in place.valgap("fresh")
    said = place.valgap("init", "--here")
    assert "written" not in said.replace("what was written", "")
    assert place.run("git", "status", "--short") == ""
    assert "bit-identical" in place.valgap("verify", "--variant", "dropout")
    assert place.run("git", "status", "--short") == ""


def test_an_upgrade_that_changes_a_sentence_of_the_report_remakes_the_report_alone(place: Place) -> None:
    place.upgrade("report/words.yaml", "Not tested:", "Not yet tested:")
    said = place.valgap("fresh", status=1)
    assert "library/report.txt is of other code than that of the installed valgap 9 (valgap/report)" in said
    assert "train@" not in said
    assert "`valgap repro`" in said
    assert place.repro()[0] == ["report"]
    assert place.run("git", "diff", "--name-only", "--", "library").split() == ["library/report.txt"]
    assert "dvc.lock belongs to dvc.yaml" in place.valgap("fresh")


def test_an_upgrade_that_changes_no_room_of_a_stage_runs_none(place: Place) -> None:
    place.upgrade("cli/options.py", "A branch, tag or commit", "A tag, branch or commit")
    assert "dvc.lock belongs to dvc.yaml" in place.valgap("fresh")
    assert place.repro()[0] == []
    assert place.run("git", "status", "--short") == ""


def test_an_upgrade_that_changes_training_trains_again(place: Place) -> None:
    place.upgrade("training/loop.py", '"""', '"""Edited. ')
    refused = place.run("dvc", "repro", "--force", "--single-item", "train@dropout-0", status=255)
    assert "library/training.txt is of other code" in refused
    place.run("dvc", "checkout", "-q")
    refused = place.valgap("verify", "--variant", "dropout", status=1)
    assert "install the valgap that made it" in refused
    ran, said = place.repro()
    cells = ["train@baseline-0", "train@dropout-0", "train@longer-0"]
    # The same bits: of what lies behind nothing is run but `looks`, which runs networks itself.
    assert [name for name in ran if name != "models"] == [*cells, "looks"]
    assert all(f"train {name.partition('@')[2]}: 2/2 replicates" in said for name in cells)
    told = [f"library/{name}.txt" for name in ("looks", "models", "training")]
    assert place.run("git", "diff", "--name-only").split() == ["dvc.lock", *told]


def test_an_edit_of_a_module_of_the_users_package_trains_again(place: Place) -> None:
    path = place.repository / "photosort/layers.py"
    path.write_text(path.read_text().replace("Conv2D(4", "Conv2D(5"))
    said = place.run("dvc", "status")
    assert all(
        f"{stage}:\n\tchanged deps:\n\t\tmodified:           photosort" in said
        for stage in ("models", "train@longer-0")
    )
    assert "photosort changed" in place.valgap("fresh", status=1)


def test_a_pull_request_is_reviewed_without_images_cache_or_training(place: Place, tmp_path: Path) -> None:
    place.run("git", "checkout", "-q", "-b", "lighter")
    params = read_params(place.repository)
    params["variants"]["dropout"] = {"dropout": [0, 0, 0.1]}
    write_params(place.repository, params)
    assert place.repro()[0] == ["models", "train@dropout-0", "evaluate", "diagnose", "report"]
    place.commit("lighter dropout")
    clone = tmp_path / "clone"
    place.run("git", "clone", "-q", str(place.repository), str(clone))
    place.run("git", "branch", "base", "origin/main", folder=clone)
    said = place.valgap("review", "--base", "base", "--out", "review", folder=clone)
    assert "`variants.dropout" in said or "variants.dropout" in said
    assert "2 variants bit-identical" in said
    assert "are fresh" in said
    assert (clone / "review").is_dir()
    assert not (clone / "photos").exists()
    assert not os.path.lexists(clone / "runs")

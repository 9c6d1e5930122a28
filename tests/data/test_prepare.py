"""The whole prepare stage on small folders of images, without TensorFlow: arrays, lists, manifest, audit."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.scratch import ROOT, only
from valgap import prepare
from valgap.data.prepared import load_groups, load_images, load_labels
from valgap.findings import neighbours
from valgap.findings.neighbours import Similar
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.models import stage
from valgap.training.subset import learned_from, load_splits, training_subset

COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200)}
SIZES: dict[str, Any] = {
    "block_size": 2, "blocks": [0], "train_size": "all", "max_train_factor": 1, "val_size": 0.25, "test_size": 0.25,
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_images(folder: Path, count: int, seed: int, patients: int = 0) -> None:
    """`count` noisy 6x6 images of each colour below `folder`, named by patient where there are some."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(rng.normal(colour, 20, (6, 6, 3)), 0, 255).astype(np.uint8)
            who = f"patient{number % patients}_" if patients else ""
            Image.fromarray(pixels).save(folder / name / f"{who}{number}.png")


def write_params(variants: tuple[str, ...] = ("baseline",), **blocks: dict[str, Any]) -> None:
    """The shipped parameters for the folder `images`, with some variants, and blocks changed."""
    params = only(yaml.safe_load((ROOT / "params.yaml").read_text()), list(variants))
    params["data"] |= {"source": "folder", "path": "images", "allowed_transforms": []} | blocks.pop("data", {})
    params["split"] |= SIZES | blocks.pop("split", {})
    for name, values in blocks.items():
        params[name] |= values
    paths.PARAMS.write_text(yaml.safe_dump(params))


def read_manifest() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(paths.MANIFEST.read_text())
    return content


def finding(name: str) -> dict[str, Any]:
    findings: list[dict[str, Any]] = json.loads(paths.AUDIT.read_text())["findings"]
    return next(each for each in findings if each["name"] == name)


def test_a_folder_becomes_arrays_lists_and_an_audit(workspace: Path) -> None:
    write_images(workspace / "images", 40, seed=0)
    write_params()
    prepare.main()
    manifest = read_manifest()
    assert manifest["image_shape"] == [6, 6, 3]
    assert manifest["class_names"] == ["blue", "red"]
    assert (manifest["test_size"], manifest["val_size"], manifest["train_size"]) == (20, 15, 45)
    assert manifest["groups"] is None
    images, labels, splits = load_images(), load_labels(), load_splits(0)
    assert images.shape == (80, 6, 6, 3)
    blue = images[labels == 0].astype(int).mean(axis=(0, 1, 2))
    assert blue[2] > 150 > blue[0]
    assert sorted(np.concatenate([splits.train[0], splits.val[0], splits.test[0]])) == list(range(80))
    assert np.array_equal(splits.test[0], splits.test[1])
    assert finding("exact_across")["count"] == 0


def test_what_is_wrong_with_the_source_is_told_before_anything_is_read(workspace: Path) -> None:
    for data, says in (
        ({"source": "fashion"}, "data.source = 'fashion' is no source (allowed: embedded, fashion_mnist, keras, tfds"),
        ({"source": "keras"}, "data.source = keras needs data.name"),
        ({"allowed_transforms": None}, "data.allowed_transforms is not answered"),
    ):
        write_params(data=data)
        with pytest.raises(SuiteError, match=re.escape(says)):
            prepare.main()
    assert [path.name for path in workspace.iterdir()] == ["params.yaml"]


def test_patients_stay_on_one_side_and_are_counted(workspace: Path) -> None:
    write_images(workspace / "images", 60, seed=1, patients=12)
    write_params(data={"group_pattern": "(patient[0-9]+)_"})
    prepare.main()
    groups, splits = load_groups(), load_splits(0)
    assert read_manifest()["groups"] == 12
    for row in range(2):
        sides = [set(groups[rows[row]]) for rows in (splits.train, splits.val, splits.test)]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]
    assert finding("groups")["severity"] == "fine"


def test_a_given_split_is_kept_and_re_split_beside_it(workspace: Path) -> None:
    for number, (name, count) in enumerate({"train": 30, "val": 10, "test": 8}.items()):
        write_images(workspace / "images" / name, count, seed=number)
    copied = workspace / "images/train/red/0.png"
    (workspace / "images/val/red/copy.png").write_bytes(copied.read_bytes())
    write_params(split={"val_size": "all", "test_size": "all"})
    prepare.main()
    manifest, splits = read_manifest(), load_splits(0)
    assert manifest["given_validation"]
    assert {name: part["images"] for name, part in manifest["parts"].items()} == {"train": 60, "val": 21, "test": 16}
    assert splits.resplit_train is not None
    assert splits.resplit_val is not None
    assert (manifest["train_size"], manifest["resplit_train_size"]) == (60, 59)
    assert splits.train.shape[1] == 60  # all that are given
    assert splits.resplit_train.shape[1] == 59  # a re-split may lose one image to the copies, which stay together
    assert np.array_equal(splits.val[0], splits.val[1])
    assert not np.array_equal(splits.train[0], splits.train[1])  # the same images in another order
    pixels = load_images().reshape(len(load_images()), -1)
    _, which, times = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    copies = np.flatnonzero(times[which] == 2)
    assert len(copies) == 2
    for row in range(2):  # a re-split does not leak: copies lie on one side
        assert np.isin(copies, splits.resplit_train[row]).sum() in (0, 2)
        assert np.isin(copies, splits.resplit_val[row]).sum() in (0, 2)
    assert manifest["groups"] is None
    assert finding("exact_across")["severity"] == "problem"
    assert finding("exact_across")["count"] == 1


def test_a_split_by_other_names_is_kept_and_how_it_was_read_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (name, count) in enumerate({"training": 30, "validation": 10}.items()):
        write_images(workspace / "images/photos" / name, count, seed=number)
    (workspace / "images/photos/README.txt").write_text("words")
    write_params(split={"val_size": "all", "test_size": 0.25})
    prepare.main()
    manifest, splits = read_manifest(), load_splits(0)
    assert manifest["given_validation"]
    assert {name: part["images"] for name, part in manifest["parts"].items()} == {"train": 45, "val": 20, "test": 15}
    assert manifest["class_names"] == ["blue", "red"]
    assert manifest["said"] == [
        "The images are read below `photos`.",
        "`photos/training` holds the training images.",
        "`photos/validation` holds the validation images.",
        "No images by their names, and not read: .txt (1).",
    ]
    assert capsys.readouterr().out.splitlines()[:4] == manifest["said"]
    names = sorted(path.relative_to(workspace / "images") for path in workspace.rglob("*.png"))
    validation = {row for row, name in enumerate(names) if name.parts[1] == "validation"}
    assert set(splits.val[0].tolist()) == validation
    assert not set(splits.train[0].tolist()) & (validation | set(splits.test[0].tolist()))


def test_the_re_split_of_a_larger_training_list_is_trained_on_as_it_is(workspace: Path) -> None:
    """Training, and who checks a run's images afterwards, cut the lists to train_size: a shorter one stays whole."""
    for number, (name, count) in enumerate({"train": 20, "val": 10, "test": 8}.items()):
        write_images(workspace / "images" / name, count, seed=number)
    (workspace / "images/val/red/copy.png").write_bytes((workspace / "images/train/red/0.png").read_bytes())
    write_params(split={"val_size": "all", "test_size": "all"})
    params = yaml.safe_load(paths.PARAMS.read_text())
    params["variants"]["again"] = {"resplit": True}
    paths.PARAMS.write_text(yaml.safe_dump(params))
    prepare.main()
    stage.check_lists(suite.load())
    splits, variants = load_splits(0), suite.load().variants
    assert splits.resplit_train is not None
    for row in range(2):
        assert len(training_subset(splits, row, variants["baseline"], load_labels())) == 40
        again = training_subset(splits, row, variants["again"], load_labels())
        assert np.array_equal(again, splits.resplit_train[row])
        assert len(again) == 39


def test_groups_on_both_sides_of_a_given_split_and_a_drawn_test_set(workspace: Path) -> None:
    """The block that a check of one's images advises: val_size all, and a test set that the suite draws."""
    for number, name in enumerate(("train", "val")):
        write_images(workspace / "images" / name, 60, seed=number, patients=12)
    split = {"val_size": "all", "test_size": 0.2}
    write_params(split=split, data={"group_pattern": "(patient[0-9]+)_"})
    prepare.main()
    manifest, groups, splits = read_manifest(), load_groups(), load_splits(0)
    assert splits.resplit_train is not None
    assert splits.resplit_val is not None
    tested = groups[splits.test[0]]
    assert manifest["train_size"] == 120 - 10 * len(np.unique(tested)) == splits.train.shape[1]
    assert manifest["val_size"] == 120
    assert manifest["resplit_train_size"] is None or not np.isin(groups[splits.resplit_train], tested).any()
    assert not np.isin(groups[splits.train], tested).any()


@pytest.mark.parametrize(
    ("splits", "sizes", "searches"),
    [
        (("train", "val", "test"), {"val_size": "all", "test_size": "all"}, 1),  # of all images, in their splits
        (("train", "val"), {"val_size": "all", "test_size": 0.25}, 2),  # test images are drawn by what was found
        ((".",), {}, 1),
    ],
)
def test_near_duplicates_are_searched_for_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, splits: tuple[str, ...], sizes: dict[str, Any], searches: int
) -> None:
    counted = []

    def search(images: np.ndarray, index: np.ndarray, original: np.ndarray, split: np.ndarray, seed: int) -> Similar:
        counted.append((index.tobytes(), split.tobytes()))
        return found(images, index, original, split, seed)

    found = neighbours.search
    monkeypatch.setattr(neighbours, "search", search)
    for number, name in enumerate(splits):
        write_images(workspace / "images" / name, 20, seed=number)
    write_params(split=sizes)
    prepare.main()
    assert len(counted) == len(set(counted)) == searches


def test_folds_take_turns(workspace: Path) -> None:
    write_images(workspace / "images", 20, seed=0)
    write_params(split={"scheme": "kfold", "folds": 4, "block_size": 4})
    prepare.main()
    splits = load_splits(0)
    assert sorted(splits.test.ravel()) == list(range(40))
    assert read_manifest()["scheme"] == "kfold"


def test_unreadable_files_are_listed_or_dropped_and_counted(workspace: Path) -> None:
    write_images(workspace / "images", 20, seed=0)
    for name, content in {"empty.png": b"", "text.png": b"no image", "<script>alert(1)</script>.png": b"x"}.items():
        (workspace / "images/red" / name.replace("/", "")).write_bytes(content)
    write_params()
    with pytest.raises(SuiteError) as caught:
        prepare.main()
    for name in ("empty.png", "text.png", "<script>"):
        assert name in str(caught.value)
    assert not paths.PREPARED.exists()
    kept = [path.name for path in workspace.glob("data/*.partial/**/*") if path.is_file()]
    assert sorted(kept) == ["images.journal", "images.npy"], "what was read need not be read again"
    write_params(data={"on_unreadable": "skip"})
    prepare.main()
    assert not list(workspace.glob("data/*.partial"))
    assert read_manifest()["dropped"] == 3
    assert finding("dropped")["count"] == 3


def test_given_validation_images_that_are_copies_of_training_are_listed(workspace: Path) -> None:
    for number, name in enumerate(("train", "val", "test")):
        write_images(workspace / "images" / name, 30, seed=number)
    for source, copy in (("train/red/3", "val/red/7"), ("train/blue/5", "val/blue/1"), ("val/red/2", "test/red/4")):
        shutil.copy(workspace / f"images/{source}.png", workspace / f"images/{copy}.png")
    write_params(split={"val_size": "all", "test_size": "all"})
    prepare.main()
    listed = read_manifest()["copied"]
    images, val = load_images(), load_splits(0).val[0]
    assert len(listed) == 2
    assert set(listed) <= set(val.tolist())
    for place in listed:
        same = np.flatnonzero((images == images[place]).all(axis=(1, 2, 3)))
        assert len(same) == 2


def mislabel(folder: Path, count: int) -> None:
    """Exchange `count` files of each colour: their labels are wrong."""
    for number in range(count):
        red, blue = folder / f"red/{number}.png", folder / f"blue/{number}.png"
        first, second = red.read_bytes(), blue.read_bytes()
        red.write_bytes(second)
        blue.write_bytes(first)


def test_suspected_images_lie_beside_the_lists_and_are_counted_by_part(workspace: Path) -> None:
    for number, (name, count) in enumerate({"train": 60, "val": 30, "test": 30}.items()):
        write_images(workspace / "images" / name, count, seed=number)
    mislabel(workspace / "images/train", 9)
    write_params(split={"val_size": "all", "test_size": "all", "blocks": [0, 1]}, train={"suspects": "leave_out"})
    prepare.main()
    counts = read_manifest()["suspected"]
    assert counts == {
        "train": {"suspected": counts["train"]["suspected"], "judged": 120},
        "val": {"suspected": 0, "judged": 60},
        "test": {"suspected": 0, "judged": 60},
    }
    assert counts["train"]["suspected"] >= 15
    splits, labels, settings = load_splits(0), load_labels(), suite.load().train
    assert splits.suspects.dtype == np.int64
    assert len(splits.suspects) == counts["train"]["suspected"]
    assert (np.diff(splits.suspects) > 0).all()
    blue = load_images()[splits.suspects].mean(axis=(1, 2))[:, 2] > 128  # what they show is not what they are called
    assert (blue == (labels[splits.suspects] == 1)).all()
    assert np.array_equal(load_splits(1).suspects, splits.suspects)
    training = training_subset(splits, 0, settings, labels)
    assert not np.isin(training[learned_from(splits, training, settings, labels)], splits.suspects).any()
    assert finding("label_errors")["count"] == len(splits.suspects)


@pytest.mark.parametrize(("count", "split"), [(20, {"scheme": "kfold", "folds": 4, "block_size": 4}), (4, {})])
def test_nobody_is_left_out_of_folds_or_where_too_few_can_be_judged(
    workspace: Path, capsys: pytest.CaptureFixture[str], count: int, split: dict[str, Any]
) -> None:
    """A variant without suspects is then trained like the one that keeps them, and the stage `models` says so."""
    write_images(workspace / "images", count, seed=0)
    mislabel(workspace / "images", 2)
    write_params(split=split)
    params = yaml.safe_load(paths.PARAMS.read_text())
    params["variants"]["without_suspects"] = {"suspects": "leave_out"}
    paths.PARAMS.write_text(yaml.safe_dump(params))
    prepare.main()
    assert load_splits(0).suspects.tolist() == []
    assert (read_manifest()["suspected"]["pool"]["judged"] > 0) == (count == 20)
    stage.check_lists(suite.load())
    assert "without_suspects: 0 to 0 suspected images" in capsys.readouterr().out


def test_a_failure_leaves_what_was_prepared_before(workspace: Path) -> None:
    write_images(workspace / "images", 20, seed=0)
    write_params()
    prepare.main()
    before = {path: path.read_bytes() for path in paths.PREPARED.rglob("*") if path.is_file()}
    write_params(split={"test_size": 41})
    with pytest.raises(SuiteError, match=r"split\.test_size = 41 exceeds the source's images: 40"):
        prepare.main()
    assert {path: path.read_bytes() for path in paths.PREPARED.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("workers", [1, 2])
def test_prepared_bytes_do_not_depend_on_the_workers(
    workspace: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(workspace / "images", 40, seed=3)
    write_params()
    prepare.main()
    first = {path: path.read_bytes() for path in [*paths.PREPARED.rglob("*"), paths.AUDIT] if path.is_file()}
    monkeypatch.setattr("valgap.data.reading.readers.usable_cores", lambda: workers)
    prepare.main()
    assert {path: path.read_bytes() for path in first} == first


def test_variants_without_the_images_that_they_need_are_all_named_before_training(workspace: Path) -> None:
    write_images(workspace / "images", 40, seed=0)
    write_params(variants=("baseline", "long_tail"))
    params = yaml.safe_load(paths.PARAMS.read_text())
    params["variants"]["again"] = {"resplit": True}
    paths.PARAMS.write_text(yaml.safe_dump(params))
    prepare.main()
    with pytest.raises(SuiteError) as caught:
        stage.check_lists(suite.load())
    assert "variant long_tail: long_tail = 10 needs" in str(caught.value)
    assert "variant again: resplit = true, but there is nothing to split again: the source brings" in str(caught.value)

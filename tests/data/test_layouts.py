"""Folders as people have them: what each is read as, what is said of it, and what is asked."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.test_decode import own_data
from valgap.data.layouts.layout import Layout, split_of
from valgap.data.layouts.loading import load_layout
from valgap.data.layouts.orders import orders
from valgap.data.layouts.understand import explicit, understand
from valgap.data.reading.decoding import KERAS, Decoding
from valgap.data.sources.folder import load
from valgap.ground.errors import SuiteError

PETS = ("cat", "dog")


def fill(root: Path, names: Iterable[str]) -> Path:
    """Small images, each of its own grey; or words, where the suffix is not an image's."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".png", ".jpg", ".tif"):
            Image.new("L", (4, 4), number % 256).save(path)
        else:
            path.write_text("words")
    return root


def classes(above: str, names: Iterable[str] = PETS, count: int = 2) -> list[str]:
    return [f"{above}{name}/{number}.png" for name in names for number in range(count)]


def counted(layout: Layout) -> dict[str, int]:
    """How many images each split and class has: {"train cat": 2}."""
    counts = Counter(f"{entry.given} {entry.label}".strip() for entry in layout.entries)
    assert all((layout.root / entry.path).is_file() for entry in layout.entries)
    assert [entry.path for entry in layout.entries] == sorted(entry.path for entry in layout.entries)
    return dict(counts)


def both(*splits: str, names: Iterable[str] = PETS, count: int = 2) -> dict[str, int]:
    return {f"{split} {name}".strip(): count for split in splits for name in names}


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (
            "train Train TRAINING train_set training_set Training-Set seg_train trn trainset train_images train1",
            "train",
        ),
        ("val valid VALID validation dev val_set valid_set seg_val Validation-Data validation.set val2017", "val"),
        ("test testing test_set seg_test Testing test-images test1", "test"),
        ("cat seg_pred images set data pred trains contest train_val test_bench 12 _", ""),
    ],
)
def test_names_of_splits(names: str, split: str) -> None:
    assert {name: split_of(name) for name in names.split()} == dict.fromkeys(names.split(), split)
    assert split_of("Training Set") == "train"


SPLIT_FOLDERS = [
    ("train/", "val/", "test/"),
    ("Train/", "Valid/", "TEST/"),
    ("training_set/", "validation/", "test_set/"),
    ("seg_train/seg_train/", "seg_val/seg_val/", "seg_test/seg_test/"),
    ("photos/dataset/train/", "photos/dataset/dev/", "photos/dataset/testing/"),
    ("train/train/", "valid/valid/", "test/test/"),
    ("Training Set/images/", "Validation Set/images/", "Test Set/images/"),
]


@pytest.mark.parametrize("splits", SPLIT_FOLDERS)
@pytest.mark.parametrize("held", [(1,), (2,), (1, 2), ()])
def test_splits_go_by_many_names(tmp_path: Path, splits: tuple[str, ...], held: tuple[int, ...]) -> None:
    fill(tmp_path, [name for place in (0, *held) for name in classes(splits[place])])
    found = understand(tmp_path)
    assert counted(found) == both("train", *(("train", "val", "test")[place] for place in held))
    assert found.root == tmp_path
    assert not found.unlabelled
    plain = splits[0] == "train/"
    assert bool(found.assumed) is not plain  # names that are the suite's own are no assumption
    if splits[0] == "training_set/":
        assert found.assumed[0] == "`training_set` holds the training images."


def test_plain_splits_are_read_as_by_the_suite(tmp_path: Path) -> None:
    root = fill(
        tmp_path / "images", [*classes("train/", count=3), *classes("val/"), "test/cat/p1/1.png", "test/cat/p2/1.png"]
    )
    data = own_data(path=str(root))
    expected, found = (
        load(data, tmp_path / "a.npy"),
        load_layout(understand(root), Decoding.of(data), tmp_path / "b.npy"),
    )
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.given.tolist() == expected.given.tolist()
    assert (found.names, found.class_names, found.sha256) == (expected.names, expected.class_names, expected.sha256)
    assert (found.facts, found.groups, found.dropped) == (expected.facts, None, ())
    assert found.files is not None


def test_folders_of_classes_have_no_split(tmp_path: Path) -> None:
    fill(tmp_path, [*classes(""), "cat/deep/er/9.png"])
    found = understand(tmp_path)
    assert counted(found) == {"cat": 3, "dog": 2}
    assert found.assumed == ("`cat` and `dog` are taken for the classes; no split is known.",)


def test_one_lone_held_out_split_is_read(tmp_path: Path) -> None:
    assert counted(understand(fill(tmp_path, classes("test/")))) == both("test")


def test_junk_is_passed_over(tmp_path: Path) -> None:
    junk = ["Thumbs.db", "cat/Thumbs.db", ".DS_Store", "dog/.DS_Store", "cat/.ipynb_checkpoints/1-checkpoint.png"]
    fill(tmp_path, [*classes(""), *junk, "__MACOSX/cat/1.png", "readme.txt", "cat/notes.txt"])
    found = understand(tmp_path)
    assert counted(found) == both("")
    assert not found.unlabelled


@pytest.mark.parametrize(
    ("beside", "aside", "why"),
    [
        (["pred/1.png"], "pred", "holds no class folders"),
        (["seg_pred/seg_pred/1.png"], "seg_pred", "holds no class folders"),
        (["test/1.png"], "test", "images lie right in it, in no class folder"),
        (["test/test/1.png"], "test", "images lie right in it, in no class folder"),
        (["test/unknown/1.png"], "test", "its images lie in `unknown`, which is no class of training"),
        (
            classes("all/", count=1),
            "all",
            "holds the same classes, but is no split by its name",
        ),
        (["stray.png"], ".", "images that lie in no class folder"),
        (["train/stray.png"], "train", "images that lie in no class folder"),
        (["train/eel/notes.txt"], "train/eel", "a folder without an image"),
    ],
)
def test_what_has_no_label_is_left_aside_with_a_word(tmp_path: Path, beside: list[str], aside: str, why: str) -> None:
    found = understand(fill(tmp_path, [*classes("train/"), *classes("val/"), *beside]))
    assert counted(found) == both("train", "val")
    assert [(one.path, one.why) for one in found.unlabelled] == [(aside, why)]
    assert found.unlabelled[0].files == sum(name.endswith(".png") for name in beside)


def test_an_unlabelled_test_beside_a_lone_train(tmp_path: Path) -> None:
    found = understand(fill(tmp_path, [*classes("train/"), "test/1.png", "test/2.png"]))
    assert counted(found) == both("train")
    assert [(one.path, one.files) for one in found.unlabelled] == [("test", 2)]


def test_a_class_that_is_called_like_a_split_stays_a_class(tmp_path: Path) -> None:
    found = understand(fill(tmp_path, classes("", ("bus", "ship", "train"))))
    assert counted(found) == both("", names=("bus", "ship", "train"))
    assert found.assumed[1] == "`train` is taken for a class too: its images lie right in it."


def test_classes_that_training_lacks_are_left_in(tmp_path: Path) -> None:
    found = understand(fill(tmp_path, [*classes("train/"), *classes("val/", ("dog", "eel"))]))
    assert counted(found) == both("train") | {"val dog": 2, "val eel": 2}
    images = load_layout(found, KERAS, tmp_path / "rows.npy")
    assert images.class_names == ("cat", "dog", "eel")


def test_classes_are_spelt_as_in_training(tmp_path: Path) -> None:
    found = understand(fill(tmp_path, [*classes("train/", ("Cat", "dog")), *classes("val/", ("CAT", "dog"))]))
    assert counted(found) == both("train", "val", names=("Cat", "dog"))
    assert found.assumed == ("Classes are compared without case: `CAT` in `val`.",)
    both_cases = understand(fill(tmp_path / "more", classes("train/", ("Cat", "cat"))))
    assert counted(both_cases) == both("train", names=("Cat", "cat"))


def test_splits_may_lie_in_the_class_folders(tmp_path: Path) -> None:
    found = understand(fill(tmp_path, [*classes("cat/", ("train", "Test")), *classes("dog/", ("train", "Test"))]))
    assert counted(found) == both("train", "test")
    assert found.assumed == ("`cat` and `dog` are the classes, and `Test` and `train` in each of them its splits.",)


def test_copies_of_a_data_set_inside_it_are_left_aside(tmp_path: Path) -> None:
    flowers = understand(fill(tmp_path / "flowers", [*classes(""), *classes("flowers/")]))
    assert counted(flowers) == both("")
    assert [one.path for one in flowers.unlabelled] == ["flowers"]
    inside = [name for above in ("", "chest/") for split in ("train/", "test/") for name in classes(above + split)]
    chest = understand(fill(tmp_path / "chest", inside))
    assert counted(chest) == both("train", "test")
    assert [one.path for one in chest.unlabelled] == ["chest"]


def test_a_data_set_beside_other_images_is_gone_into(tmp_path: Path) -> None:
    found = understand(fill(tmp_path, [*classes("data/train/"), *classes("data/val/"), "demo/1.png"]))
    assert counted(found) == both("train", "val")
    assert found.assumed == ("The images are read below `data`.",)
    assert [one.path for one in found.unlabelled] == ["demo"]


ASKED = {
    "same folders in folders of odd names": (
        [*classes("photos_a/", ("cats", "dogs")), *classes("photos_b/", ("cats", "dogs"))],
        r"`photos_a` and `photos_b` hold the same folders, `cats` and `dogs`: .* do not say which is training; "
        r"say which of `photos_a` and `photos_b` is train",
    ),
    "three of them": (
        [name for above in "abc" for name in classes(f"{above}/")],
        "`a`, `b` and `c` hold the same folders, `cat` and `dog`",
    ),
    "two of one split": (
        [*classes("train/"), *classes("val/"), *classes("valid/")],
        "`val` and `valid` are both validation by their names",
    ),
    "no training": ([*classes("val/"), *classes("test/")], "holds `test` and `val`, and no folder that is training"),
    "an odd one beside training": (
        [*classes("train/"), *classes("more/")],
        "`more` lies beside training, and holds class folders of the same names",
    ),
    "a class beside training": (
        [*classes("train/"), *classes("", ("cat",))],
        "`cat` lies beside training, and is called like one of its classes",
    ),
    "no class in common": (
        [*classes("train/", "12"), *classes("val/", ("one", "two"))],
        "`val` holds `one` and `two`, and training `1` and `2`: they have no class in common",
    ),
    "two data sets": (
        [name for above in ("a/train/", "a/test/", "b/train/", "b/test/") for name in classes(above)],
        "`a` and `b` hold splits each: these are several data sets",
    ),
    "no labels": (["train/1.png", "test1/1.png"], "`test1` and `train`: images lie right in it, in no class folder"),
    "images alone": (["1.png", "2.png"], "its images lie right in it, without class folders or a table"),
    "one class": (classes("", ("cat",)), "it has one class only, `cat`"),
    "no image": (
        ["cat/1.dcm", "dog/2.dcm", "notes.txt"], r"no image lies in it; its files end in \.dcm \(2\), \.txt \(1\)",
    ),
    "nothing": ([], "no image lies in it; give"),
}  # fmt: skip


@pytest.mark.parametrize("title", ASKED)
def test_what_names_do_not_tell_is_asked_by_name(tmp_path: Path, title: str) -> None:
    names, message = ASKED[title]
    with pytest.raises(SuiteError, match=message) as caught:
        understand(fill(tmp_path, names))
    assert caught.value.key == "data.path"
    assert str(tmp_path) in str(caught.value.value)
    assert caught.value.cure


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.zip", "an archive, no folder; unpack it"),
        ("a.tar.gz", "an archive"),
        ("a.txt", "a file, no folder and no table"),
        ("none", "No such file"),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str, message: str) -> None:
    if name != "none":
        (tmp_path / name).write_text("words")
    with pytest.raises(SuiteError, match=message):
        understand(tmp_path / name)


def test_files_without_a_suffix_are_looked_into(tmp_path: Path) -> None:
    fill(tmp_path, classes(""))
    for name in PETS:
        (tmp_path / name / "0.png").rename(tmp_path / name / "img_0001")
        (tmp_path / name / "LICENSE").write_text("words")
    os.mkfifo(tmp_path / "cat" / "pipe")
    assert counted(understand(tmp_path)) == both("")


# Folders that are said to be splits


def test_splits_can_be_said(tmp_path: Path) -> None:
    fill(tmp_path, [*classes("photos_a/"), *classes("old/photos_b/photos/", ("CAT", "dog")), *classes("photos_c/")])
    folders = {"val": tmp_path / "old" / "photos_b", "train": tmp_path / "photos_a"}
    found = explicit(folders)
    assert counted(found) == both("train", "val")
    assert found.root == Path(os.path.realpath(tmp_path))
    assert found.assumed == ("Classes are compared without case: `CAT` in the validation images.",)
    alone = explicit({"train": tmp_path / "photos_a"})
    assert counted(alone) == both("train")
    assert alone.entries[0].path == "cat/0.png"


def test_classes_of_the_same_folders_can_be_said_to_be_classes(tmp_path: Path) -> None:
    fill(tmp_path, [*classes("benign/", ("40X", "100X")), *classes("malignant/", ("40X", "100X"))])
    with pytest.raises(SuiteError, match="if they are the classes, that the whole folder is train"):
        understand(tmp_path)
    assert counted(explicit({"train": tmp_path})) == {"train benign": 4, "train malignant": 4}


def test_splits_that_cannot_be_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, [*classes("a/"), *classes("a/more/"), "flat/1.png", *classes("both/train/"), *classes("both/val/")])

    def refuse(message: str, **folders: str) -> None:
        with pytest.raises(SuiteError, match=message):
            explicit({split: tmp_path / name for split, name in folders.items()})

    refuse("holds the validation images too", train="a", val="a/more")
    refuse("holds the validation images too", train="a", val="a")
    refuse("is to be test, and is no folder", train="a", test="none")
    refuse("holds no class folders", train="a", val="flat")
    refuse("is to be training, and holds `train` and `val`", train="both")
    refuse("no split is called so; splits are `train`, `val` and `test`", dev="a")


# Loading


def test_a_layout_is_loaded(tmp_path: Path) -> None:
    fill(tmp_path / "images", [*classes("Train/", count=40), *classes("Valid/"), "Valid/cat/p7_a.tif"])
    (tmp_path / "images" / "Valid" / "dog" / "1.png").write_text("<html>")
    layout = understand(tmp_path / "images")
    found = load_layout(layout, KERAS, tmp_path / "rows.npy", r"^\w+/(cat|dog)/")
    assert found.images.shape == (84, 4, 4, 1)
    assert [(one.name, one.why[:6]) for one in found.dropped] == [("Valid/dog/1.png", "no PNG")]
    assert found.names[-4:] == ("Valid/cat/0.png", "Valid/cat/1.png", "Valid/cat/p7_a.tif", "Valid/dog/0.png")
    assert found.given[-4:].tolist() == ["val"] * 4
    assert found.groups is not None
    assert np.array_equal(found.groups, found.labels)
    assert found.files is not None
    assert found.files.format[-2:].tolist() == ["TIFF", "PNG"]
    processes = load_layout(layout, KERAS, tmp_path / "again.npy", threads=False)
    assert np.array_equal(processes.images, found.images)
    with pytest.raises(SuiteError, match=r"group_pattern = '\(x\)y': it does not match the paths of 84 images"):
        load_layout(layout, KERAS, tmp_path / "rows.npy", "(x)y")


# Orders of classes


def test_orders_are_those_that_differ() -> None:
    numbers = tuple(sorted(str(number) for number in range(1, 13)))
    found = orders(numbers, numbers[::-1])
    assert set(found) == {"natural", "as found"}
    assert [numbers[place] for place in found["natural"]] == [str(number) for number in range(1, 13)]
    assert found["as found"] == tuple(range(11, -1, -1))
    assert orders(("cat", "dog"), ("cat", "dog")) == {}
    assert orders(("cat", "dog"), ("dog", "cat")) == {"as found": (1, 0)}
    assert orders(("cat", "dog"), ("dog", "cow")) == {}
    assert orders(("B", "a", "c")) == {"regardless of case": (1, 0, 2)}
    assert orders(("a", "a1", "a10", "a2")) == {"natural": (0, 1, 3, 2)}


@given(st.lists(st.text(max_size=4), unique=True, max_size=8), st.randoms())
def test_orders_are_permutations(names: list[str], random) -> None:
    shuffled = random.sample(names, len(names))
    for order in orders(sorted(names), shuffled).values():
        assert sorted(order) == list(range(len(names)))
        assert order != tuple(range(len(names)))


def test_the_order_of_the_disk_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, [*classes("train/", ("b", "a", "c")), *classes("val/", ("d", "a"))])
    found = understand(tmp_path).as_found
    with os.scandir(tmp_path / "train") as scanned:
        assert found == (*(item.name for item in scanned), "d")


# Whatever lies there

WORDS = st.sampled_from(["train", "Valid", "test", "cat", "dog", "a", "b", "images", "1.png", "2.jpg", "x.csv", "n"])


def understood(root: Path) -> Layout | None:
    try:
        return understand(root)
    except SuiteError:
        return None


@settings(max_examples=200)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=12))
def test_any_tree_is_a_layout_or_refused(paths: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for parts in paths:
            path = Path(folder, *parts)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"\x89PNG")
            except OSError:
                continue
        found = understood(Path(folder))
        if found is None:
            return
        labels = {entry.label for entry in found.entries}
        assert len(labels) > 1
        assert labels == set(found.as_found)
        assert len({entry.path for entry in found.entries}) == len(found.entries)
        assert {entry.given for entry in found.entries} in ({""}, {"train"}, {"val"}, {"test"}) or "train" in {
            entry.given for entry in found.entries
        }

"""What is found in folders as users lay them out."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from tests.init.folders import fill
from valgap.ground.errors import SuiteError
from valgap.init.photos import Photos, photos
from valgap.init.place import place_of


def look(folder: Path, said: Path | None = None) -> Photos:
    return photos(place_of(str(said or folder)), 128, folder.parent / "images.npy")


def test_a_split_in_other_words_with_two_broken_files_and_grey_pixels_in_colour_files(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    fill(root, {"training/cat": 30, "training/dog": 10, "validation/cat": 9, "validation/dog": 9}, grey=True)
    for file in root.rglob("*.png"):
        Image.open(file).convert("RGB").save(file)
    broken = root / "training/cat/0003.png"
    broken.write_bytes(broken.read_bytes()[:200])
    (root / "training/cat/0004.png").write_bytes(b"none")
    found = look(root)
    assert found.given == ("val",)
    assert (len(found.found.train), len(found.found.val)) == (38, 18)
    assert sorted(each.name for each in found.unreadable) == ["training/cat/0003.png", "training/cat/0004.png"]
    assert found.grey
    assert not found.files_grey
    assert (found.scales, found.whole, found.guess) == ((None,), True, None)


def test_no_split_mixed_sizes_and_patients(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    fill(
        root, {"deep/cat": 40, "deep/dog": 40}, sizes=((40, 30), (64, 48), (50, 50)), form="patient{group}_{image}.png"
    )
    found = look(root)
    assert found.given == ()
    assert found.scales == ((48, 48), (32, 32))
    assert found.found.groups is not None
    assert found.guess is not None
    assert found.guess.sure
    assert not found.grey


def test_a_table_with_a_column_of_patients_is_read_as_a_table(tmp_path: Path) -> None:
    root = tmp_path / "set"
    fill(root, {"images": 40})
    with (root / "labels.csv").open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["path", "label", "patient_id"])
        for number, file in enumerate(sorted((root / "images").iterdir())):
            rows.writerow([f"images/{file.name}", "ab"[number // 4 % 2], f"p{number // 4}"])
    for said in (root, root / "labels.csv"):
        found = look(root, said)
        assert (found.place.path, found.place.table, found.place.group_column) == (
            str(root),
            "labels.csv",
            "patient_id",
        )
        assert found.found.groups is not None
        assert len(set(found.found.groups.tolist())) == 10


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"cat": 9}, "--data = .*one class only"),
        ({}, "--data = "),
        ({"train/cat": 5, "train/dog": 1}, "less than 2 images to train on: dog has 1"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_the_words_of_the_command(
    counts: dict[str, int], words: str, tmp_path: Path
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    fill(root, counts)
    with pytest.raises(SuiteError, match=words):
        look(root)

"""The door of files: how training read them, what the user saw, and held-out files that are read otherwise."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray
from PIL import Image

import valgap
from valgap.check.document import Checked

SIDE, NAMES = 16, ("ant", "bee", "cat")
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def draw(count: int, seed: int) -> tuple[Pixels, Labels]:
    """Red, blue and green things on noise, each at a place of its own, which mirroring and turning change."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(NAMES))
    images = rng.integers(0, 120, (count, SIDE, SIDE, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 + 4 * label : 5 + 4 * label, 1:8, (0, 2, 1)[label]] += 120
    return images, labels


def write(root: Path, split: str, images: Pixels, labels: Labels, turned: int = 0) -> None:
    """PNG files, which carry an EXIF orientation where `turned`."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = root / split / NAMES[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        if turned:
            exif[0x0112] = turned
        Image.fromarray(image).save(path, exif=exif)


def fitted(images: NDArray[Any], labels: Labels, *first: layers.Layer, activation: str = "relu") -> keras.Model:
    keras.utils.set_random_seed(0)
    body = [*first, layers.Conv2D(8, 3, activation=activation), layers.MaxPooling2D(), layers.Flatten()]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *body, layers.Dense(len(NAMES), activation="softmax")])
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=12, verbose=0)
    return model


@pytest.fixture(scope="module")
def signed() -> keras.Model:
    images, labels = draw(300, 0)
    return fitted(images / np.float32(127.5) - 1, labels)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files") / "photos"
    write(root, "Training", *draw(300, 0))
    write(root, "valid", *draw(150, 1))
    return root


def serious(report: Checked) -> list[str]:
    return [each.code for each in report.findings if each.severity == "problem"]


def right(model: keras.Model, images: NDArray[Any], labels: Labels) -> float:
    return float(np.mean(model.predict(images, verbose=0).argmax(axis=1) == labels))


def test_other_names_of_splits_are_understood_and_said(signed: keras.Model, photos: Path) -> None:
    report = valgap.check(signed, photos)
    assert serious(report) == []
    assert "**Assumed.**" in report.markdown()
    assert "[−1, 1]" in report.markdown()
    assert "| training | 300 |" in report.markdown()
    (photos / "README.txt").write_text("words")
    assert "No images by their names, and not read: .txt (1)." in valgap.check(signed, photos).markdown()
    (photos / "README.txt").unlink()
    apart = valgap.check(signed, photos / "Training", photos / "valid")
    assert apart.to_dict()["headline"] == report.to_dict()["headline"]


def test_channels_turned_round_are_named_with_what_each_order_gives(photos: Path) -> None:
    images, labels = draw(300, 0)
    report = valgap.check(fitted(images[..., ::-1] / np.float32(255), labels), photos)
    first = report.findings[0]
    assert (first.code, first.severity) == ("VG001", "worth a look")
    assert first.values["best"] > 0.9 > 0.7 > first.values["without"]
    assert "Ways of reading that were tried" in report.markdown()
    assert not any("valgap repro" in line for line in report.markdown().partition("### Findings")[0].splitlines())


def test_what_was_seen_is_found_or_explained_by_the_reading_that_gives_it(signed: keras.Model, photos: Path) -> None:
    (x, y), (x_val, y_val) = draw(300, 0), draw(150, 1)
    fair = [round(right(signed, a / np.float32(127.5) - 1, b), 2) for a, b in ((x, y), (x_val, y_val))]
    agrees = valgap.check(signed, photos, saw=fair)
    assert agrees.to_dict()["headline"].startswith("Fair scoring finds what you saw")
    assert serious(agrees) == []
    dark = fitted(x / np.float32(127.5) - 1, y, layers.Rescaling(6.0, 3.0), activation="tanh")
    wrong = round(right(dark, x_val / np.float32(255), y_val), 3)
    assert wrong < 0.8
    explained = valgap.check(dark, photos, saw=(0.99, wrong))
    assert explained.to_dict()["headline"].startswith("You saw ")
    assert explained.findings[0].code == "VG010"
    assert "pixels in [0, 1] give" in explained.findings[0].found
    nothing = valgap.check(signed, photos, saw=(fair[0], 0.013))
    assert [each.code for each in nothing.findings if each.code == "VG013" and each.severity == "worth a look"]


def test_validation_files_that_lie_on_their_side_are_told_by_their_tag(signed: keras.Model, tmp_path: Path) -> None:
    write(tmp_path, "train", *draw(300, 0))
    images, labels = draw(150, 1)
    write(tmp_path, "val", np.ascontiguousarray(np.rot90(images, 1, (1, 2))), labels, turned=6)
    report = valgap.check(signed, tmp_path)
    (told,) = (each for each in report.findings if each.code == "VG003")
    assert told.severity == "problem"
    assert told.values["best"] > 0.9 > 0.7 > told.values["without"]
    assert told.values["files"] == 150
    bare = tmp_path / "bare"
    write(bare, "train", *draw(300, 0))
    write(bare, "val", np.ascontiguousarray(np.rot90(images, 1, (1, 2))), labels)
    assert "VG120" in serious(valgap.check(signed, bare))


def test_ones_own_preprocessing_is_used_and_named_where_it_is_none(
    signed: keras.Model, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_reading.py").write_text("def prepare(pixels):\n    return pixels / 127.5 - 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = valgap.check(signed, photos, preprocess="my_reading:prepare")
    assert own.to_dict()["headline"] == valgap.check(signed, photos).to_dict()["headline"]
    with pytest.raises(valgap.SuiteError, match="my_reading has no other"):
        valgap.check(signed, photos, preprocess="my_reading:other")


def test_a_class_that_validation_alone_has_is_scored_and_named(signed: keras.Model, tmp_path: Path) -> None:
    images, labels = draw(200, 0)
    write(tmp_path, "train", images[labels < 2], labels[labels < 2])
    write(tmp_path, "val", *draw(90, 1))
    report = valgap.check(signed, tmp_path)
    assert "VG105" in serious(report)

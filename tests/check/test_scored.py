"""A saved model on images in memory: read as its training read them, or refused."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from tests.check.test_files import NAMES, SIDE, draw, fitted, right
from valgap.check.scored import accuracies
from valgap.ground.errors import SuiteError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def test_it_is_scored_as_its_training_read_the_pixels(tmp_path: Path) -> None:
    """Trained on pixels in -1 to 1, of which the file says nothing."""
    images, labels = draw(300, 0)
    held, of_held = draw(150, 1)
    (model := fitted(images / np.float32(127.5) - 1, labels)).save(path := tmp_path / "my.keras")
    found = accuracies(path, {"train": (images, labels), "val": (held, of_held)}, NAMES)
    assert found["train"] == pytest.approx(right(model, images / np.float32(127.5) - 1, labels))
    assert found["val"] == pytest.approx(right(model, held / np.float32(127.5) - 1, of_held))


def test_grey_images_and_classes_beyond_ten_keep_their_order(tmp_path: Path) -> None:
    """Folders of classes 2 and 10 must not change places."""
    labels = np.arange(240) % 12
    images = np.repeat((labels * 20 + 10).astype(np.uint8), 64).reshape(-1, 8, 8, 1)
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(12, activation="softmax")])
    level = np.arange(12) * 20 + 10.0  # the class whose level is nearest: the largest of 2 x level - level^2
    model.layers[-1].set_weights([np.tile(2 * level / 64 / 50, (64, 1)), -(level**2) / 50])
    model.save(path := tmp_path / "grey.keras")
    found = accuracies(path, {"train": (images, labels), "val": (images[:120], labels[:120])}, tuple("abcdefghijkl"))
    assert found == {"train": 1.0, "val": 1.0}


def test_another_size_is_refused_with_the_cure(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((20, 24, 3)), layers.Flatten(), layers.Dense(3)])
    model.save(path := tmp_path / "my.keras")
    images, labels = draw(30, 0)
    with pytest.raises(
        SuiteError, match=r"takes images of 20 x 24 pixels, and the suite's have 16 x 16; set data\.image"
    ):
        accuracies(path, {"train": (images, labels), "val": (images, labels)}, NAMES)
    assert SIDE == 16


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (path := tmp_path / "my.keras").write_text("no model")
    images, labels = draw(30, 0)
    with pytest.raises(SuiteError):
        accuracies(path, {"train": (images, labels), "val": (images, labels)}, NAMES)

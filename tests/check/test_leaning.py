"""What a network goes by, asked through both doors; and weak segments among the findings of a check."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import valgap
from tests.check.test_files import SIDE, draw, write
from valgap.check.document import Checked


def marked(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of which those of the last class show nothing but a grey mark at the bottom right."""
    images, labels = draw(count, seed)
    own = labels == 2
    images[own] = np.random.default_rng(seed).integers(0, 120, images[own].shape, dtype=np.uint8)
    images[own, 12:16, 12:16] = 230
    return images, labels


@pytest.fixture(scope="module")
def by_mark() -> keras.Model:
    keras.utils.set_random_seed(0)
    body = [layers.Rescaling(1 / 255), layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *body, layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(*marked(300, 0), epochs=10, verbose=0)
    return model


def told(report: Checked) -> dict[str, object]:
    (found,) = (each for each in report.findings if each.code == "VG127")
    assert found.severity == "problem"
    assert found.title.startswith("It goes by a mark at the bottom right to say ")
    assert "Put into " in found.found
    return dict(found.values)


def test_a_network_that_goes_by_a_mark_is_told_from_files_and_from_arrays(by_mark: keras.Model, tmp_path: Path) -> None:
    write(tmp_path, "train", *marked(300, 0))
    write(tmp_path, "val", *marked(150, 1))
    report = valgap.check(by_mark, tmp_path)
    assert told(report)["called"] > 0.5  # type: ignore[operator]
    assert "VG126" not in {each.code for each in report.findings}  # VG127 says it more exactly
    assert "VG125" in {each.code for each in report.findings}
    assert told(valgap.check(by_mark, marked(300, 0), marked(150, 1)))["gone"] is False

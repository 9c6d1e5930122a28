"""The user's own preprocessing, by its name."""

from pathlib import Path

import numpy as np
import pytest
from keras.applications import resnet50

from valgap.check.preprocess import preprocessing
from valgap.ground.errors import SuiteError

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3)).astype(np.float32)
OWN = """
import numpy as np

def unit(pixels):
    pixels /= 255
    return pixels

class steps:
    @staticmethod
    def signed(pixels):
        return (pixels / 127.5 - 1).tolist()

def failing(pixels):
    raise ValueError("no such thing")

nothing = 3
def gone(pixels): return None
def text(pixels): return np.full(pixels.shape, "x")
def one(pixels): return pixels[0]
def fewer(pixels): return pixels[:1]
def infinite(pixels): return pixels + np.inf
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_steps.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_functions_of_keras_and_of_the_user_are_applied() -> None:
    before = PIXELS.copy()
    caffe = preprocessing("keras.applications.resnet50:preprocess_input")(PIXELS)
    np.testing.assert_allclose(caffe, resnet50.preprocess_input(PIXELS.copy()))
    assert caffe.dtype == np.float32
    np.testing.assert_allclose(preprocessing("own_steps:unit")(PIXELS), PIXELS / 255)
    np.testing.assert_allclose(preprocessing("own_steps:steps.signed")(PIXELS), PIXELS / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(PIXELS, before)  # own_steps.unit divides its argument


@pytest.mark.parametrize(
    ("spec", "words_of"),
    [
        ("own_steps", "is no function: write module:function, as in keras.applications.resnet50:preprocess_input"),
        ("own_steps:", "is no function"),
        ("a:b:c", "is no function"),
        ("absent_module:f", "absent_module cannot be imported: ModuleNotFoundError"),
        ("own_steps:unti", r"own_steps has no unti \(it has .*unit"),
        ("own_steps:nothing", "is a int, which cannot be called"),
    ],
)
def test_what_is_no_function_is_named_at_once(spec: str, words_of: str) -> None:
    with pytest.raises(SuiteError, match=words_of):
        preprocessing(spec)


@pytest.mark.parametrize(
    ("name", "words_of"),
    [
        ("failing", r"fails on float32 pixels \(3, 4, 5, 3\) in 0 to 255: ValueError: no such thing"),
        ("gone", "returns NoneType, which is no array of numbers"),
        ("text", "returns ndarray, which is no array of numbers"),
        ("one", r"returns \(4, 5, 3\) for pixels \(3, 4, 5, 3\)"),
        ("fewer", r"returns \(1, 4, 5, 3\) for pixels \(3, 4, 5, 3\)"),
        ("infinite", "returns values that are not finite"),
    ],
)
def test_what_a_function_does_wrong_is_named_when_it_is_called(name: str, words_of: str) -> None:
    apply = preprocessing(f"own_steps:{name}")
    with pytest.raises(SuiteError, match=words_of):
        apply(PIXELS)

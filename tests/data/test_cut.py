from pathlib import Path

import numpy as np
import pytest

from valgap.calibrate.findings.quality import FORMATS, broken, told, written
from valgap.data.reading.decode import read_image
from valgap.data.reading.decoding import Decoding


def scene(seed: int, channels: int = 3, side: int = 96) -> np.ndarray:
    """Coarse colours with fine noise: nothing in it is flat."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.integers(40, 200, (6, 6, channels)), np.ones((side // 6, side // 6, 1)))
    return np.clip(coarse + rng.normal(0, 12, coarse.shape), 1, 254).astype(np.uint8)


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_whole_files_are_whole_and_cut_ones_are_told(how: str, channels: int) -> None:
    for seed in range(4):
        content = written(scene(seed, channels), how)
        assert told(content) == ""
        assert told(broken(content, how, 0.35)) in ("grey rows", "black rows", "zeros", "scans")


def test_why_a_file_counts_as_cut() -> None:
    expected = {"JPEG": "grey rows", "progressive JPEG": "scans", "BMP": "black rows", "TIFF": "black rows"}
    for how, why in (expected | {"WebP": "zeros"}).items():
        assert told(broken(written(scene(1), how), how, 0.35)) == why


def test_flat_images_are_whole_files() -> None:
    for level in (0, 128, 255):
        for how in FORMATS:
            assert told(written(np.full((64, 64, 3), level, np.uint8), how)) == ""


def test_things_on_black_or_grey_that_touch_one_edge_are_whole_files() -> None:
    for level in (0, 128):
        image = np.full((96, 96, 3), level, np.uint8)
        image[50:, 30:60] = scene(2)[50:, 30:60]
        for how in FORMATS:
            assert told(written(image, how)) == ""
            assert told(written(image[::-1], how)) == ""


def test_padding_above_or_below_is_no_cut() -> None:
    for level in (0, 128):
        image = np.full((96, 96, 3), level, np.uint8)
        image[:48] = scene(2)[:48]
        for how in FORMATS:
            assert told(written(image, how)) == told(written(image[::-1], how)) == ""


def test_a_preview_with_an_end_mark_does_not_hide_that_the_file_has_none() -> None:
    content = written(scene(3), "JPEG")
    preview = written(scene(4, side=24), "JPEG")
    tagged = content[:2] + b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview + content[2:]
    assert told(tagged) == ""
    assert told(tagged + bytes(100)) == ""  # some cameras fill up
    assert told(tagged[:-2] + bytes(100)) == "zeros"


def test_reading_a_file_says_it(tmp_path: Path) -> None:
    path = tmp_path / "one.jpg"
    content = written(scene(5), "JPEG")
    path.write_bytes(content)
    assert read_image(path, Decoding()).cut == ""
    path.write_bytes(broken(content, "JPEG", 0.5))
    found = read_image(path, Decoding(size=(32, 32)))
    assert (found.why, found.cut) == ("", "grey rows")

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from valgap.calibrate.findings.quality import FORMATS, broken, told, written
from valgap.data.reading.decode import read_image
from valgap.data.reading.decoding import Decoding
from valgap.data.reading.jpeg import lacks_scans


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


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


JPEGS = {
    "baseline": {"quality": 85},
    "restart marks": {"quality": 85, "restart_marker_rows": 1},
    "whole colours": {"quality": 92, "subsampling": 0},
    "progressive": {"quality": 85, "progressive": True},
    "progressive, whole colours": {"quality": 92, "subsampling": 0, "progressive": True},
}


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_is_closed_anywhere_in_its_data_is_told(how: str, mode: str) -> None:
    content = saved(Image.fromarray(scene(6)).convert(mode), "JPEG", **JPEGS[how])
    assert told(content) == ""
    start = content.index(b"\xff\xda") + 14
    found = [told(content[:place] + b"\xff\xd9") for place in range(start, len(content) - 60, len(content) // 40)]
    assert "" not in found
    assert any(found)  # Pillow refuses some


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("level", [0, 127, 128, 129, 255])
def test_a_whole_jpeg_on_a_flat_bottom_is_no_cut_one(how: str, level: int) -> None:
    image = scene(7)
    for top in (40, 48, 93):
        image[top:] = level
        assert told(saved(Image.fromarray(image), "JPEG", **JPEGS[how])) == ""
    image[np.add.outer(4 * np.arange(96), np.arange(96)) > 250] = level  # an edge that slants
    assert told(saved(Image.fromarray(image), "JPEG", **JPEGS[how])) == ""


def test_what_lies_behind_a_jpegs_end_is_nothing_of_it() -> None:
    for how in JPEGS:
        whole, second = (saved(Image.fromarray(scene(seed)), "JPEG", **JPEGS[how]) for seed in (8, 9))
        assert told(whole + second[:300]) == told(whole + bytes(50)) == told(whole[:-2] + b"\1\2\3\xff\xd9") == ""
        assert told(whole[: len(whole) // 2] + b"\xff\xd9" + second) in ("grey rows", "scans", None)


def test_a_component_without_a_scan_is_told() -> None:
    assert not lacks_scans(b"\xff\xd8")
    frame = b"\xff\xc0\0\x11\x08\0\x08\0\x08\3\1\x11\0\2\x11\1\3\x11\1"
    scans = [b"\xff\xda\0\x08\1" + bytes([component]) + b"\0\0\x3f\0\x12\xff\0\x34" for component in (1, 2, 3)]
    assert not lacks_scans(b"\xff\xd8" + frame + b"".join(scans) + b"\xff\xd9")
    assert lacks_scans(b"\xff\xd8" + frame + b"".join(scans[:2]) + b"\xff\xd9")


def test_the_rest_of_a_palettes_bitmap_is_its_first_colour() -> None:
    content = saved(Image.fromarray(scene(10)).quantize(32), "BMP")
    assert told(content) == ""
    assert told(content[: len(content) // 2] + bytes(len(content) - len(content) // 2)) == "black rows"


def test_the_many_zeros_of_a_webp_that_is_flat_are_its_own() -> None:
    image = np.asarray(Image.fromarray(scene(11, side=96)).resize((640, 640)))
    for method in (0, 4, 6):
        for level in (0, 127, 255):
            flat = image.copy()
            flat[200:] = level
            assert told(saved(Image.fromarray(flat), "WEBP", quality=75, method=method)) == ""


def test_rows_that_a_jpeg_was_filled_up_with_are_told_in_a_copy_of_another_format() -> None:
    content = saved(Image.fromarray(scene(12)), "JPEG", quality=90)
    with Image.open(io.BytesIO(content[: len(content) // 2] + b"\xff\xd9")) as image:
        assert told(saved(image, "PNG")) == "grey rows"

"""Files are read as Keras reads them, and as today where the suite reads them."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.data.test_decode import many, own_data, saved, way
from valgap.data.reading import decode, readers
from valgap.data.reading.decode import read_image
from valgap.data.reading.decoding import GENERATOR, KERAS, Decoding
from valgap.data.reading.readers import read_images
from valgap.data.reading.resample import bilinear, cropped, padded
from valgap.data.reading.variants import read_variants
from valgap.data.sources.folder import load
from valgap.ground.errors import SuiteError
from valgap.training.tensorflow import start_tensorflow

RNG = np.random.default_rng(3)
SIDES = [(40, 60), (61, 37), (9, 9), (11, 50), (128, 96)]  # height and width of a file
SIZES = [(12, 12), (16, 24), (70, 33), (1, 1), (9, 9)]


@pytest.fixture(autouse=True, scope="module")
def _tensorflow() -> None:
    start_tensorflow("cpu")


def noise(height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = orientation
    return exif


def read(path: Path, decoding: Decoding) -> NDArray[np.uint8]:
    pixels = read_image(path, decoding).pixels
    assert pixels is not None
    return pixels


def keras_way(size: tuple[int, int], **changes: Any) -> Decoding:
    return dataclasses.replace(KERAS, size=size, **changes)


def by_keras(folder: Path, size: tuple[int, int], **options: Any) -> NDArray[np.float32]:
    """(n, h, w, c) of a folder of class folders, in order, by image_dataset_from_directory."""
    import keras

    found = keras.utils.image_dataset_from_directory(
        folder, image_size=size, shuffle=False, batch_size=64, verbose=False, **options
    )
    return np.concatenate([np.asarray(images) for images, _ in found])


# The suite's way: what was read before there was any other, on an image made by a rule

ROWS, COLUMNS, PLACES = np.mgrid[0:6, 0:9, 0:4]
RULED = ((ROWS * 37 + COLUMNS * 53 + PLACES * 91 + ROWS * COLUMNS * 7) % 256).astype(np.uint8)
BEFORE = {
    ("rgb", "stretch"): [[136, 124], [129, 131], [125, 125]],
    ("rgb", "crop"): [[142, 124], [123, 145], [128, 129]],
    ("rgb", "pad"): [[0, 0], [129, 127], [0, 0]],
    ("rgba", "stretch"): [[203, 192], [192, 188], [185, 185]],
    ("rgba", "crop"): [[186, 206], [201, 187], [184, 189]],
    ("rgba", "pad"): [[0, 0], [193, 188], [0, 0]],
    ("turned", "stretch"): [[125, 134], [131, 132], [123, 123]],
    ("turned", "crop"): [[125, 134], [131, 132], [123, 123]],
    ("turned", "pad"): [[125, 134], [131, 132], [123, 123]],
    ("wide", "stretch"): [[104, 108], [114, 119], [119, 116]],
    ("wide", "crop"): [[142, 86], [94, 138], [121, 114]],
    ("wide", "pad"): [[0, 0], [112, 115], [0, 0]],
}


def ruled(path: Path, name: str) -> Path:
    image = {"rgba": RULED, "wide": RULED[..., 0].astype(np.uint16) * 251}.get(name, RULED[..., :3])
    return saved(path, Image.fromarray(image), exif=turned(6 if name == "turned" else 1))


@pytest.mark.parametrize(("name", "how"), BEFORE)
def test_the_suite_reads_the_very_bytes_of_before(tmp_path: Path, name: str, how: str) -> None:
    path = ruled(tmp_path / "a.png", name)
    found = read(path, way(image_size=(3, 2), resize=how, color="grey"))
    assert found[..., 0].tolist() == BEFORE[name, how]
    if (name, how) == ("rgba", "stretch"):
        expected = [[[202, 201, 178], [203, 187, 179]], [[203, 181, 176], [202, 179, 178]]]
        assert read(path, way(image_size=(2, 2), color="rgb")).tolist() == expected


def test_the_suites_way_is_built_from_its_params() -> None:
    data = own_data(image_size=(3, 2), resize="pad", color="grey")
    assert Decoding.of(data) == Decoding((3, 2), "grey", "pad", "antialias", upright=True, alpha="white")


# Keras's way


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", SIDES)
def test_bilinear_is_that_of_tensorflow_to_a_rounding(side: tuple[int, int], size: tuple[int, int]) -> None:
    import tensorflow as tf

    image = noise(*side)
    expected = tf.image.resize(image, size, method="bilinear", antialias=False).numpy()
    found = bilinear(image, size[::-1], (0, 0, side[1], side[0]))
    assert found.dtype == np.uint8
    assert np.abs(found - expected).max() <= 0.501


@pytest.mark.parametrize("options", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
@pytest.mark.parametrize("size", [size for size in SIZES if size != (1, 1)])  # which resize_with_pad refuses
def test_folders_are_read_as_keras_reads_them(tmp_path: Path, options: dict[str, bool], size: tuple[int, int]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    paths = [
        saved(tmp_path / ("a" if number < 3 else "b") / f"{number}.png", Image.fromarray(noise(*side)))
        for number, side in enumerate(SIDES)
    ]
    aspect = {(): "stretch", ("crop_to_aspect_ratio",): "crop", ("pad_to_aspect_ratio",): "pad"}[tuple(options)]
    (found,) = read_variants(paths, [keras_way(size, aspect=aspect)])
    assert np.abs(found - by_keras(tmp_path, size, **options)).max() <= 0.501


KINDS = ("rgb", "exif", "rgba", "la", "palette", "clear palette", "1 bit", "16 bit", "cmyk")
READ = [
    (kind, color) for kind in KINDS for color in ("rgb", "grey") if (kind, color) != ("cmyk", "grey")
]  # by TensorFlow


@pytest.mark.parametrize(("kind", "color"), READ)
def test_every_kind_of_file_is_decoded_as_keras_does(tmp_path: Path, kind: str, color: str) -> None:
    even = Image.fromarray(np.kron(noise(5, 6), np.ones((8, 8, 1), np.uint8)))
    made: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "rgb": (even, {}),
        "exif": (even, {"exif": turned(6)}),
        "rgba": (Image.fromarray(noise(40, 48, 4)), {}),
        "la": (Image.fromarray(noise(40, 48, 2), "LA"), {}),
        "palette": (even.quantize(16), {}),
        "clear palette": (even.quantize(16), {"transparency": 3}),
        "1 bit": (even.convert("1"), {}),
        "16 bit": (Image.fromarray(RNG.integers(0, 65_536, (40, 48), dtype=np.uint16)), {}),
        "cmyk": (even.convert("CMYK"), {}),
    }
    image, options = made[kind]
    suffix = "jpg" if kind == "cmyk" else "png"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        path = saved(tmp_path / name / f"0.{suffix}", image, **options)
    expected = by_keras(tmp_path, (40, 48), color_mode="rgb" if color == "rgb" else "grayscale")[1]
    assert np.abs(read(path, keras_way((40, 48), color=color)) - expected).max() <= 1
    resized = by_keras(tmp_path, (13, 17), color_mode="rgb" if color == "rgb" else "grayscale")[1]
    assert np.abs(read(path, keras_way((13, 17), color=color)) - resized).max() <= 1.5


def test_nearest_is_that_of_image_data_generator(tmp_path: Path) -> None:
    import keras

    for number, side in enumerate(SIDES):
        path = saved(tmp_path / f"{number}.png", Image.fromarray(noise(*side)))
        for size in SIZES:
            expected = keras.utils.img_to_array(keras.utils.load_img(path, target_size=size))
            assert np.array_equal(read(path, Decoding(size, **GENERATED)), expected)
            cropped = keras.utils.img_to_array(keras.utils.load_img(path, target_size=size, keep_aspect_ratio=True))
            assert np.array_equal(read(path, Decoding(size, aspect="crop", **GENERATED)), cropped)


GENERATED: dict[str, Any] = {"filter": GENERATOR.filter, "upright": GENERATOR.upright, "alpha": GENERATOR.alpha}


def test_defaults_of_keras() -> None:
    assert Decoding(filter="bilinear", upright=False, alpha="drop") == KERAS
    assert cropped((60, 40), (10, 10)) == (10, 0, 50, 40)
    assert padded((60, 40), (10, 10)) == ((10, 6), (0, 1))  # 6.67 high is cut off
    assert padded((1000, 1), (10, 10)) == ((10, 1), (0, 4))


def test_hidden_colours_show_or_lie_on_white_or_black(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGBA", (2, 2), (10, 20, 30, 0)))
    for decoding, expected in (
        (KERAS, [10, 20, 30]), (Decoding(alpha="white"), [255] * 3), (Decoding(alpha="black"), [0] * 3),
    ):  # fmt: skip
        assert read(path, decoding)[0, 0].tolist() == expected


# What a file is


def test_a_reading_says_what_the_file_is(tmp_path: Path) -> None:
    image = Image.fromarray(noise(4, 6, 4))
    opaque = image.convert("RGB").convert("RGBA")
    for suffix in ("png", "tif"):
        path = saved(tmp_path / f"a.{suffix}", image, exif=turned(6))
        for decoding in (KERAS, Decoding()):
            found = read_image(path, decoding)
            assert (found.mode, found.stored, found.orientation, found.transparent) == ("RGBA", (6, 4), 6, True)
            upright = decoding.upright or suffix == "tif"  # which Pillow turns itself
            assert found.size == ((4, 6) if upright else (6, 4)) == decode.read_size(path, decoding)
    found = read_image(saved(tmp_path / "b.png", opaque), KERAS)
    assert (found.mode, found.orientation, found.transparent) == ("RGBA", 0, False)


def test_sources_of_files_say_what_each_is(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        saved(tmp_path / name / "0.jpg", Image.fromarray(noise(4, 6)), exif=turned(8))
        saved(tmp_path / name / "1.png", Image.fromarray(noise(6, 4, 4)))
        saved(tmp_path / name / "2.tif", Image.fromarray(noise(6, 4)[..., 0]), compression="tiff_lzw")
    files = load(own_data(path=str(tmp_path), image_size=(4, 4)), tmp_path / "rows.npy").files
    assert files is not None
    assert files.format.tolist() == ["JPEG", "PNG", "TIFF"] * 2
    assert files.mode.tolist() == ["RGB", "RGBA", "L"] * 2
    assert files.size.tolist() == [[6, 4], [4, 6], [4, 6]] * 2
    assert files.orientation.tolist() == [8, 0, 0] * 2
    assert files.transparent.tolist() == [False, True, False] * 2


def test_tiff_of_a_range_that_is_not_known_is_refused(tmp_path: Path) -> None:
    for mode, value in (("F", 0.5), ("I", 70_000), ("I", -1)):
        path = saved(tmp_path / "a.tif", Image.new(mode, (3, 2), value))
        assert read_image(path, KERAS).why == "pixels of 32 bits, whose range is not known: save 8 or 16 bits"
    path = saved(tmp_path / "a.tif", Image.new("I", (3, 2), 65_535))
    assert read(path, KERAS)[0, 0].tolist() == [255]


# Several ways at once, and threads

WAYS = [
    Decoding((7, 5), color, aspect, filter, upright, alpha)
    for color in ("auto", "grey", "rgb")
    for aspect in ("stretch", "crop", "pad")
    for filter in ("antialias", "bilinear", "nearest")
    for upright in (True, False)
    for alpha in ("white", "black", "drop")
]


def sample(folder: Path) -> list[Path]:
    """Files of every kind: transparent, turned, of the size asked for and of its aspect, grey."""
    return [
        saved(folder / "a.png", Image.fromarray(noise(9, 11, 4)), exif=turned(6)),
        saved(folder / "b.jpg", Image.fromarray(noise(20, 14)), exif=turned(3)),
        saved(folder / "c.png", Image.fromarray(noise(7, 5))),
        saved(folder / "d.png", Image.fromarray(noise(14, 10))),
        saved(folder / "e.png", Image.fromarray(noise(5, 7)), exif=turned(5)),
        saved(folder / "f.tif", Image.fromarray(noise(9, 11)), exif=turned(5)),
        saved(folder / "g.png", Image.fromarray(noise(9, 11)[..., 0])),
        saved(folder / "h.gif", Image.fromarray(noise(9, 11)).quantize(16), transparency=2),
    ]


def test_variants_are_what_reading_each_way_gives(tmp_path: Path) -> None:
    paths = sample(tmp_path)
    found = read_variants(paths, WAYS, workers=3)
    alone = read_variants(paths, WAYS, workers=1)
    assert all(np.array_equal(one, other) for one, other in zip(found, alone, strict=True))
    for decoding, images in zip(WAYS, found, strict=True):
        expected = [read(path, decoding) for path in paths]
        assert images.shape == (8, 7, 5, 1 if decoding.color == "grey" else 3)
        assert not any((image != one).any() for image, one in zip(images, expected, strict=True))


def test_ways_that_make_no_difference_share_an_array(tmp_path: Path) -> None:
    paths = many(tmp_path / "images", 3, ("RGB",))
    found = read_variants(paths, [keras_way((4, 4)), keras_way((4, 4), upright=True, alpha="white", aspect="pad")])
    assert found[0] is found[1]
    apart = read_variants(paths, [keras_way((4, 4)), keras_way((4, 4), filter="nearest")])
    assert not np.array_equal(apart[0], apart[1])


def test_variants_name_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(SuiteError, match=r"a\.png cannot be read: no PNG"):
        read_variants([tmp_path / "a.png"], [keras_way((4, 4))])
    with pytest.raises(ValueError, match="a size in every decoding"):
        read_variants([tmp_path / "a.png"], [KERAS])


@pytest.mark.parametrize("decoding", [Decoding((4, 5)), keras_way((4, 5))])
def test_threads_give_the_bytes_of_processes(
    tmp_path: Path, decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = many(tmp_path / "images", 200, ("L", "RGB", "L", "1"))
    paths[70].write_text("no image")
    _, expected = read_images(paths, decoding, tmp_path / "processes.npy", workers=3)
    monkeypatch.setattr(readers, "ProcessPoolExecutor", None)
    monkeypatch.setattr(os, "fork", None)
    _, found = read_images(paths, decoding, tmp_path / "threads.npy", workers=3, threads=True)
    assert found == expected
    assert (tmp_path / "threads.npy").read_bytes() == (tmp_path / "processes.npy").read_bytes()

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.scratch import ROOT
from valgap.data.reading import decode, readers
from valgap.data.reading.decode import Reading, read_image, read_size
from valgap.data.reading.decoding import Decoding, to_array
from valgap.data.reading.readers import read_images
from valgap.data.reading.rows import Rows
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)  # 5 high, 7 wide


def own_data(**changes: Any) -> Data:
    """Block `data` of a folder of images, with changes."""
    plain: dict[str, Any] = {
        "source": "folder", "path": "images", "name": None, "table": None, "image_size": None, "resize": "stretch",
        "color": "auto", "on_unreadable": "error", "group_column": None, "group_pattern": None,
        "allowed_transforms": (),
    }  # fmt: skip
    return Data(**(plain | changes))


def way(**changes: Any) -> Decoding:
    """The suite's way of a folder of images, with changes of block `data`."""
    return Decoding.of(own_data(**changes))


AS_IT_IS = way()


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def pixels_of(path: Path, decoding: Decoding = AS_IT_IS) -> NDArray[np.uint8]:
    reading = read_image(path, decoding)
    assert reading.why == ""
    assert reading.pixels is not None
    return reading.pixels


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG of 8-bit grey whose header may promise more than its rows hold."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    packed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, [255]),
        ("L", 77, [77]),
        ("I;16", 65_535, [255]),
        ("I;16", 257, [1]),
        ("I;16", 128, [0]),  # 128 / 257 is under a half, 129 / 257 over
        ("I;16", 129, [1]),
        ("RGB", (1, 2, 3), [1, 2, 3]),
        ("LA", (0, 255), [0]),
        ("LA", (0, 51), [204]),  # a fifth of black on white
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("RGBA", (255, 0, 0, 51), [255, 204, 204]),
        ("RGBA", (12, 34, 56, 0), [255, 255, 255]),
    ],
)
def test_every_mode_of_png_becomes_eight_bits_on_white(tmp_path: Path, mode: str, value, expected: list[int]) -> None:
    path = saved(tmp_path / "a.png", Image.new(mode, (3, 2), value))
    assert pixels_of(path).tolist() == [[expected] * 3] * 2
    reading = read_image(path, AS_IT_IS)
    assert (reading.mode, reading.size, reading.format) == (mode, (3, 2), "PNG")


def test_palettes_are_looked_up_and_their_transparent_entry_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert pixels_of(saved(tmp_path / "a.png", image)).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    clear = saved(tmp_path / "b.png", image, transparency=1)
    assert pixels_of(clear).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    bitmap = saved(tmp_path / "c.png", Image.new("L", (1, 1), 9), transparency=9)
    assert pixels_of(bitmap).tolist() == [[[255]]]


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100)
    assert read_image(path, AS_IT_IS).mode == "CMYK"
    assert np.abs(pixels_of(path).astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.bmp", {}),
        ("a.webp", {"lossless": True}),
        ("a.tif", {}),
        ("b.tif", {"compression": "tiff_lzw"}),
    ],
)
def test_lossless_formats_give_the_pixels_back(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    assert np.array_equal(pixels_of(saved(tmp_path / name, Image.fromarray(NOISE), **options)), NOISE)


def test_lossy_formats_and_animations(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    for name, options in (
        ("a.tif", {}),
        ("a.jpg", {"quality": 95}),
        ("a.gif", {}),
        ("a.webp", {}),
        ("a.png", {}),
        ("b.mpo", {}),
    ):
        several = {} if name == "a.jpg" else {"save_all": True, "append_images": frames[1:]}
        path = saved(tmp_path / name, frames[0], **options, **several)
        assert np.abs(pixels_of(path).astype(int) - [255, 0, 0]).max() <= 3, name  # the first frame


def test_the_content_decides_on_the_format_and_others_are_refused(tmp_path: Path) -> None:
    image = Image.fromarray(NOISE)
    disguised = tmp_path / "a.png"
    image.save(disguised, format="BMP")
    assert read_image(disguised, AS_IT_IS).format == "BMP"
    for name in ("PPM", "EPS", "ICO", "PDF"):
        image.save(disguised, format=name)
        assert read_image(disguised, AS_IT_IS).why == "no PNG, JPEG, BMP, GIF, WebP or TIFF image, or a damaged one", (
            name
        )


# Exif 2.32, table 4: which side of the upright image the file's first row and first column are.
LYING = {
    1: NOISE, 2: NOISE[:, ::-1], 3: NOISE[::-1, ::-1], 4: NOISE[::-1], 5: NOISE.transpose(1, 0, 2), 6: np.rot90(NOISE),
    7: np.rot90(NOISE, 2).transpose(1, 0, 2), 8: np.rot90(NOISE, -1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", LYING)
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_images_are_turned_upright(tmp_path: Path, orientation: int, name: str) -> None:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = orientation
    options = {"lossless": True} if name == "a.webp" else {}
    path = saved(tmp_path / name, Image.fromarray(np.ascontiguousarray(LYING[orientation])), exif=exif, **options)
    assert np.array_equal(pixels_of(path), NOISE)
    assert read_size(path, AS_IT_IS) == read_image(path, AS_IT_IS).size == (7, 5)


def test_orientation_that_makes_no_sense_is_passed_over(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 9
    path = saved(tmp_path / "a.png", Image.fromarray(NOISE), exif=exif)
    assert np.array_equal(pixels_of(path), NOISE)
    damaged = saved(tmp_path / "b.jpg", Image.fromarray(NOISE), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert pixels_of(damaged).shape == NOISE.shape


def test_color_is_grey_or_rgb_whatever_the_file_is(tmp_path: Path) -> None:
    red = saved(tmp_path / "red.png", Image.new("RGB", (2, 2), "red"))
    grey = saved(tmp_path / "grey.png", Image.new("L", (2, 2), 9))
    assert pixels_of(red, way(color="grey")).tolist() == [[[76]] * 2] * 2  # .299 of 255, ITU-R 601-2
    assert pixels_of(grey, way(color="rgb")).tolist() == [[[9, 9, 9]] * 2] * 2


def test_resizing_averages_with_the_triangle_that_its_scale_widens() -> None:
    # Halved, an output pixel weighs the inputs at distances .5, .5, 1.5 by .75, .75, .25, over their sum 1.75.
    columns = np.array([[0, 0, 175, 0]] * 4, np.uint8)
    halved = to_array(Image.fromarray(columns), way(image_size=(2, 2)))
    assert halved[..., 0].tolist() == [[25, 75]] * 2


def test_pad_keeps_the_aspect_on_black_and_crop_cuts_the_centre() -> None:
    wide = Image.fromarray(np.array([[10, 20, 30, 40]] * 2, np.uint8))
    padded = to_array(wide, way(image_size=(4, 4), resize="pad"))[..., 0]
    assert padded.tolist() == [[0] * 4, [10, 20, 30, 40], [10, 20, 30, 40], [0] * 4]
    cropped = to_array(wide, way(image_size=(2, 2), resize="crop"))[..., 0]
    assert cropped.tolist() == [[20, 30], [20, 30]]


@pytest.mark.parametrize("how", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("size", [(1, 900), (900, 1), (3, 3), (8, 5)])
def test_even_images_stay_even_in_any_shape(how: str, size: tuple[int, int]) -> None:
    pixels = to_array(Image.new("RGB", size, (7, 8, 9)), way(image_size=(6, 4), resize=how))
    assert pixels.shape == (6, 4, 3)
    inside = pixels[pixels.any(axis=2)]
    assert len(inside)
    assert (inside == [7, 8, 9]).all()
    assert how == "pad" or len(inside) == 24


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty, 0 bytes"),
        (b"just words\n", "no PNG, JPEG, BMP, GIF, WebP or TIFF image"),
        (png(20_000, 20_000), "over the limit of 50 megapixels"),
        (png(8_000, 7_000), "8000x7000 pixels, over the limit of 50 megapixels"),
        (png(1, 65_501), "1x65501 pixels, a side over the limit of 65,500"),
        (png(10_000, 10_000), "10000x10000 pixels, over the limit"),  # where Pillow would but warn
        (png(9, 9, bytes(50))[:-20], "damaged: "),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    reading = read_image(path, AS_IT_IS)
    assert reading.why.startswith(why)
    assert reading.pixels is None
    assert len(reading.sha256) == 64


def test_limit_is_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 35)
    assert read_image(saved(tmp_path / "a.png", Image.new("L", (7, 5))), AS_IT_IS).why == ""
    assert read_image(saved(tmp_path / "a.png", Image.new("L", (6, 6))), AS_IT_IS).why.startswith("6x6 pixels")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_truncated_files_are_unreadable(tmp_path: Path, kind: str) -> None:
    held = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(held, format=kind)
    path = tmp_path / "a"
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(held.getvalue()[: int(share * held.tell())])
        assert read_image(path, AS_IT_IS).why, share


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "missing")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.png", "nowhere.png", "loop.png", "folder.png", "missing.png"):
        reading = read_image(tmp_path / name, AS_IT_IS)
        assert reading == Reading(why="no file, or a link to none")
        assert read_size(tmp_path / name, AS_IT_IS) is None
    assert "File name too long" in read_image(tmp_path / ("n" * 300), AS_IT_IS).why


@pytest.mark.parametrize("first_rgb", [0, 3, 2500, None])
def test_rows_are_what_numpy_saves_and_grey_until_one_is_rgb(tmp_path: Path, first_rgb: int | None) -> None:
    images = RNG.integers(0, 256, (3000, 30, 40, 1), dtype=np.uint8)  # widened in several blocks
    channels = np.arange(3000) == first_rgb
    with Rows(tmp_path / "new" / "rows.npy") as rows:
        for image, is_rgb in zip(images, channels, strict=True):
            rows.append(np.repeat(image[np.newaxis], 3 if is_rgb else 1, axis=3))
        found = rows.finish()
    expected = images if first_rgb is None else np.repeat(images, 3, axis=3)
    assert np.array_equal(found, expected)
    np.save(tmp_path / "numpy.npy", expected)
    assert (tmp_path / "new" / "rows.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def fill(target: Path, *sizes: tuple[int, int]) -> None:
    with Rows(target) as rows:
        for size in sizes:
            rows.append(np.zeros((1, *size, 1), np.uint8))


def test_a_failure_leaves_no_rows_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rows of"):
        fill(tmp_path / "rows.npy", (2, 2), (2, 3))
    assert not list(tmp_path.iterdir())
    with pytest.raises(SuiteError, match=r"cannot write .*: .*Is a directory.*; check its owner and free space"):
        Rows(tmp_path).__enter__()


def many(folder: Path, count: int, kinds: tuple[str, ...] = ("L",)) -> list[Path]:
    """So many small images of the kinds in turn."""
    folder.mkdir()
    noise = RNG.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return [
        saved(folder / f"{number}.png", Image.fromarray(noise[number]).convert(kinds[number % len(kinds)]))
        for number in range(count)
    ]


@pytest.mark.parametrize("image_size", [None, (4, 5)])
def test_rows_are_the_same_on_any_number_of_cores(tmp_path: Path, image_size: tuple[int, int] | None) -> None:
    paths, data = many(tmp_path / "images", 200, ("L", "RGB", "L", "1")), way(image_size=image_size)
    paths[70].write_text("no image")
    alone, readings = read_images(paths, data, tmp_path / "alone.npy", workers=1)
    _, same = read_images(paths, data, tmp_path / "several.npy", workers=3)
    assert readings == same
    assert alone.shape == (199, *(image_size or (6, 6)), 3)
    assert (tmp_path / "alone.npy").read_bytes() == (tmp_path / "several.npy").read_bytes()
    assert [number for number, reading in enumerate(readings) if reading.why] == [70]
    assert np.array_equal(alone[70], np.broadcast_to(pixels_of(paths[71], data), alone.shape[1:]))  # in order
    assert all(reading.pixels is None for reading in readings)


def test_images_are_grey_where_all_that_can_be_read_are(tmp_path: Path) -> None:
    paths = many(tmp_path / "images", 4, ("L", "1", "LA"))
    assert read_images(paths, AS_IT_IS, tmp_path / "a.npy")[0].shape == (4, 6, 6, 1)
    broken = saved(tmp_path / "images" / "rgb.png", Image.new("RGB", (6, 6)))
    broken.write_bytes(broken.read_bytes()[:-30])
    assert read_images([*paths, broken], AS_IT_IS, tmp_path / "a.npy")[0].shape == (4, 6, 6, 1)


def test_several_sizes_need_an_image_size(tmp_path: Path) -> None:
    paths = many(tmp_path / "images", 5)
    paths.append(saved(tmp_path / "images" / "wide.png", Image.new("L", (9, 3))))
    message = r"2 sizes, .* 6x6 \(5, such as '0.png'\), 9x3 \(1, such as 'wide.png'\); set data.image_size: \[6, 6\]"
    with pytest.raises(SuiteError, match=message):
        read_images(paths, AS_IT_IS, tmp_path / "a.npy")
    assert not (tmp_path / "a.npy").exists()
    assert read_images(paths, way(image_size=(6, 6)), tmp_path / "a.npy")[0].shape == (6, 6, 6, 1)


def test_no_image_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(SuiteError, match=r"none of 1 files is an image .*'a.png': no PNG"):
        read_images([tmp_path / "a.png"], AS_IT_IS, tmp_path / "a.npy")
    assert not (tmp_path / "a.npy").exists()


def test_counts_of_what_the_files_were_are_short() -> None:
    sizes = {(number, 1): number for number in range(1, 31)}
    counted = readers.facts(sizes, {"L": 2, "RGB": 2}, {"PNG": 4})
    assert list(counted["sizes"].items())[:2] == [("30x1", 30), ("29x1", 29)]
    assert len(counted["sizes"]) == 21
    assert counted["sizes"]["other"] == sum(range(1, 11))
    assert counted["modes"] == {"L": 2, "RGB": 2}


def test_log_has_lines_and_only_of_what_takes_long(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    assert list(readers._shown(iter("abc"), 3, "reading")) == ["a", "b", "c"]
    assert capsys.readouterr().out == ""
    clock = iter([0.0, 4.0, 11.0, 15.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert list(readers._shown(iter("abc"), 3, "reading")) == ["a", "b", "c"]
    assert capsys.readouterr().out == "reading: 2/3, 11 s, about 6 s left\nreading: 3/3, 15 s, about 0 s left\n"


def end_at_once(path: Path, decoding: Decoding) -> None:
    os._exit(1)


def test_a_killed_reader_is_an_error_that_says_so(tmp_path: Path) -> None:
    with readers._Readers(200, 2) as pool, pytest.raises(SuiteError, match="that reads images was killed, perhaps"):
        list(pool.each(end_at_once, [tmp_path] * 200, AS_IT_IS, 64))


def test_few_images_start_no_process_and_many_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "usable_cores", lambda: 96)
    for images, processes in ((1, 1), (64, 1), (65, 2), (10**6, 8)):
        with readers._Readers(images, None) as pool:
            assert pool.workers == processes
            assert (pool.pool is None) == (processes == 1)


def test_readers_die_with_their_parent(tmp_path: Path) -> None:
    many(tmp_path / "images", 100)
    code = (
        "from pathlib import Path\nfrom valgap.data.reading.readers import read_images\n"
        "from tests.data.test_decode import way\n"
        f"paths = sorted(Path({str(tmp_path / 'images')!r}).iterdir()) * 3000\n"
        f"read_images(paths, way(), Path({str(tmp_path / 'a.npy')!r}), workers=2)\n"
    )
    (tmp_path / "main.py").write_text(f"if __name__ == '__main__':\n    exec({code!r})\n")
    started = subprocess.Popen([sys.executable, tmp_path / "main.py"], env={**os.environ, "PYTHONPATH": str(ROOT)})
    children: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and sum(reader.cpu_times().user > 0 for reader in children) < 3:
        assert started.poll() is None
        children = psutil.Process(started.pid).children()  # two readers and multiprocessing's resource tracker
        time.sleep(0.1)
    started.kill()
    started.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert len(children) == 3
    assert not [reader for reader in alive if reader.status() != psutil.STATUS_ZOMBIE]

"""Whatever lies where images should be: nothing but a SuiteError, and nothing written but the rows."""

import io
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.data.test_decode import own_data, way
from valgap.data.reading import decode
from valgap.data.reading.decode import read_image, read_size
from valgap.data.reading.decoding import Decoding
from valgap.data.sources.images import GIVEN, Images
from valgap.data.sources.registry import chosen
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

NOISE = np.random.default_rng(0).integers(0, 256, (9, 11, 4), dtype=np.uint8)
RGBA = Image.fromarray(NOISE)


def unhurried(examples: int) -> settings:
    return settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    held = io.BytesIO()
    image.save(held, format=kind, **options)
    return held.getvalue()


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 6
    return exif


VALID = [
    encoded(RGBA, "PNG"),
    encoded(RGBA.convert("P"), "PNG", transparency=3),
    encoded(RGBA.convert("1"), "PNG", exif=rotated()),
    encoded(Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257), "PNG"),
    encoded(RGBA.convert("RGB"), "JPEG", exif=rotated()),
    encoded(RGBA.convert("L"), "JPEG", progressive=True),
    encoded(RGBA.convert("CMYK"), "JPEG"),
    encoded(RGBA.convert("RGB"), "BMP"),
    encoded(RGBA.convert("P"), "BMP"),
    encoded(RGBA, "GIF", save_all=True, append_images=[RGBA.transpose(Image.Transpose.ROTATE_180)]),
    encoded(RGBA, "WEBP", lossless=True),
    encoded(RGBA.convert("RGB"), "WEBP", exif=rotated()),
    encoded(RGBA, "TIFF", exif=rotated()),
    encoded(RGBA.convert("RGB"), "TIFF", compression="tiff_lzw"),
    encoded(RGBA.convert("RGB"), "TIFF", compression="jpeg"),
]
MAGIC = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"GIF89a",
    b"RIFF\x20\0\0\0WEBPVP8 ",
    b"II*\0",
    b"%!PS-Adobe",
]


@pytest.fixture(autouse=True, scope="module")
def _small_images():
    """Headers that claim a huge image within the limit would take the whole time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "MAX_PIXELS", 100_000)
        yield


@st.composite
def mutated(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """One of the contents with some bytes changed, removed or doubled, or cut short."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(content)))
        stop = start + draw(st.integers(0, 4))
        content[start:stop] = draw(st.binary(max_size=4))
    return bytes(content[: draw(st.integers(0, len(content)) | st.none())])


def check_reading(content: bytes, data: Data) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        path.write_bytes(content)
        with warnings.catch_warnings(action="ignore"):  # tests make errors of them, and `read_size` may warn
            size = read_size(path, Decoding.of(data))
        reading = read_image(path, Decoding.of(data))
        assert [item.name for item in Path(folder).iterdir()] == ["a.png"]
        assert path.read_bytes() == content
    reading.why.encode("utf-8")
    if reading.pixels is None:
        assert reading.why
        assert "\n" not in reading.why
        return
    assert reading.why == ""
    assert reading.pixels.dtype == np.uint8
    assert reading.pixels.ndim == 3
    assert reading.pixels.shape[:2] == (data.image_size or reading.size[::-1])
    assert reading.pixels.shape[2] in {"auto": (1, 3), "grey": (1,), "rgb": (3,)}[data.color]
    assert size is not None


DATA = st.builds(
    own_data,
    image_size=st.none() | st.tuples(st.integers(1, 12), st.integers(1, 12)),
    resize=st.sampled_from(["stretch", "pad", "crop"]),
    color=st.sampled_from(["auto", "grey", "rgb"]),
)


@unhurried(1500)
@given(mutated(VALID), DATA)
def test_damaged_images_are_read_or_say_why(content: bytes, data: Data) -> None:
    check_reading(content, data)


@unhurried(300)
@given(st.sampled_from(MAGIC), st.binary(max_size=200), DATA)
def test_any_bytes_are_read_or_say_why(magic: bytes, rest: bytes, data: Data) -> None:
    check_reading(magic + rest, data)


def test_valid_images_are_read() -> None:
    for content in VALID:
        check_reading(content, own_data())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a"
            path.write_bytes(content)
            assert read_image(path, way()).why == ""


def check_source(source: str, data: Data, root: Path) -> None:
    """Read the source; it must be sound or refused, and leave what it reads as it was."""
    before = {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}
    with tempfile.TemporaryDirectory() as folder:
        images, message = None, ""
        try:
            images = chosen(data).load(data, Path(folder) / "rows.npy")
        except SuiteError as error:
            message = str(error)
        message.encode("utf-8")
        assert len(message) < 20_000
        if images is not None:
            check_images(images)
        assert {path.name for path in Path(folder).iterdir()} <= {"rows.npy", "rows.journal"}
    assert before == {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}


def check_images(images: Images) -> None:
    count = len(images.labels)
    assert images.images.shape[0] == count == len(images.names) == len(images.given)
    assert images.images.dtype == np.uint8
    assert images.images.shape[3] in (1, 3)
    assert images.labels.dtype == np.int64
    assert set(images.given.tolist()) <= {"", *GIVEN}
    training = images.labels[~np.isin(images.given, ["val", "test"])]
    assert np.bincount(training, minlength=len(images.class_names)).min() >= 2
    assert len(images.class_names) >= 2
    assert images.groups is None or (images.groups.shape == (count,) and images.groups.dtype == np.int64)
    for name in (*images.names, *images.class_names, *images.said, *(item.name for item in images.dropped)):
        name.encode("utf-8")


PARTS = st.sampled_from(
    ["train", "val", "test", "validation", "cat", "dog", "Cat", " ", "a\nb", "\udcff", ".x", "é", "1"]
)
FILES = st.dictionaries(
    st.lists(PARTS, min_size=1, max_size=4).map(tuple),
    st.sampled_from([*VALID[:2], VALID[:2][0], b"", b"words"]) | st.just("link up") | st.just("link to nothing"),
    max_size=14,
)


def plant(root: Path, files: Mapping[Any, bytes | str]) -> None:
    """Make the files, as far as they are not each other's folders."""
    for parts, content in files.items():
        path = root.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.symlink_to(path.parent.parent if content == "link up" else root / "nothing")
            else:
                path.write_bytes(content)
        except OSError:
            continue


GOOD = {(split, kind, f"{number}"): VALID[0] for split in ("train", "val") for kind in "ab" for number in range(2)}


@unhurried(250)
@given(FILES, st.booleans(), st.sampled_from(["error", "skip"]), st.sampled_from([None, "(.)/", "([0-9])"]))
@example({}, True, "error", None)
@example({("train", "a", "x"): b"words", ("test", "b", "y"): "link to nothing"}, True, "skip", "(.)/")
def test_any_tree_is_a_data_set_or_refused(files, is_good: bool, on_unreadable: str, pattern: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder), (GOOD if is_good else {}) | files)
        data = own_data(path=folder, on_unreadable=on_unreadable, group_pattern=pattern)
        check_source("folder", data, Path(folder))


CELL = st.sampled_from(
    ["a/1.png", "a/2.png", "b/1.png", "b/2.png", "../x", "/a/1.png", "b\0", "NA", "", "train", '"', "\r"]
)
LINES = st.lists(st.lists(CELL | st.text(max_size=4), min_size=1, max_size=5).map(",".join), max_size=6)
WHOLE = "path,label,split\na/1.png,x,\na/2.png,x,\nb/1.png,y,\nb/2.png,y,\n"
HEADERS = ["", "path,label", "path,label,split", "label,path,x,x", "path,label,group"]


@unhurried(400)
@given(
    st.one_of(
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.binary(max_size=200),
        mutated([WHOLE.encode(), "\ufeff".encode() + WHOLE.encode()]),
        st.builds(lambda header, rows: "\n".join([header, *rows]).encode(), st.sampled_from(HEADERS), LINES),
        LINES.map(lambda rows: (WHOLE + "\n".join(rows)).encode()),
    ),
    st.sampled_from(["labels.csv", "labels.tsv"]),
    st.sampled_from(["error", "skip"]),
    st.sampled_from([None, "group", "label"]),
)
@example(WHOLE.encode(), "labels.csv", "error", None)
def test_any_table_is_a_data_set_or_refused(content: bytes, name: str, on_unreadable: str, column: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder), {(kind, f"{number}.png"): VALID[0] for kind in "ab" for number in (1, 2)})
        (Path(folder) / name).write_bytes(content)
        data = own_data(
            source="table", path=folder, table=name, on_unreadable=on_unreadable, group_column=column
        )  # fmt: skip
        check_source("table", data, Path(folder))


def archive(**arrays: Any) -> bytes:
    held = io.BytesIO()
    np.savez(held, **arrays)
    return held.getvalue()


ARCHIVES = [
    archive(images=NOISE[..., :2], labels=np.arange(9) % 2, groups=np.arange(9), names=np.array([*"abcdefghi"])),
    archive(
        x_train=NOISE[:6, :, :3, np.newaxis] / 255,
        y_train=np.array(["a", "b"] * 3),
        x_val=NOISE[:1, :, :3],
        y_val=["a"],
    ),
]


def uncompressed(member: bytes) -> bytes:
    """An archive whose labels have that content, with the checksum that belongs to it."""
    held = io.BytesIO(ARCHIVES[0])
    with zipfile.ZipFile(held) as found, zipfile.ZipFile(changed := io.BytesIO(), "w") as made:
        for name in found.namelist():
            made.writestr(name, member if name == "labels.npy" else found.read(name))
    return changed.getvalue()


LABELS = zipfile.ZipFile(io.BytesIO(ARCHIVES[0])).read("labels.npy")


@unhurried(500)
@given(mutated(ARCHIVES) | mutated([LABELS]).map(uncompressed) | st.binary(max_size=100))
@example(ARCHIVES[0])
@example(ARCHIVES[1])
def test_any_archive_is_a_data_set_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        path.write_bytes(content)
        check_source("npz", own_data(source="npz", path=str(path)), Path(folder))


def test_the_sound_examples_are_sound() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plant(root / "tree", GOOD)
        plant(root / "named", {(kind, f"{number}.png"): VALID[0] for kind in "ab" for number in (1, 2)})
        (root / "named" / "labels.csv").write_text(WHOLE)
        for number, content in enumerate(ARCHIVES):
            (root / f"{number}.npz").write_bytes(content)
        for source, changes in (
            ("folder", {"path": str(root / "tree")}),
            ("table", {"path": str(root / "named"), "table": "labels.csv"}),
            ("npz", {"path": str(root / "0.npz")}),
            ("npz", {"path": str(root / "1.npz")}),
        ):
            data = own_data(source=source, **changes)
            check_images(chosen(data).load(data, root / "rows.npy"))

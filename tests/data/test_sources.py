import contextlib
import dataclasses
import functools
import gzip
import hashlib
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_decode import own_data
from tests.scratch import ROOT, run
from valgap.data.sources import embedded, fashion_files, fashion_mnist, registry
from valgap.data.sources.embed import select
from valgap.ground import paths
from valgap.ground.errors import SuiteError

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
IDX = bytes([0, 0, 8, 3]) + np.array([2, 3, 4], ">u4").tobytes() + PIXELS.tobytes()
EMBEDDED = own_data(source="embedded")
SHA256 = {"toy-images-idx3-ubyte": hashlib.sha256(IDX).hexdigest()}


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine's loopback: its address, and the folder it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()


@pytest.mark.usefixtures("root")
def test_embedded_subset_is_whole_stratified_and_small(tmp_path: Path) -> None:
    images = embedded.load(EMBEDDED, tmp_path / "images.npy")
    assert images.images.shape == (15_000, 28, 28, 1)
    assert images.images.dtype == np.uint8
    assert images.given.tolist() == [""] * 10_000 + ["test"] * 5_000
    assert images.names[9_999:10_001] == ("pool[9999]", "test[0]")
    assert images.facts == {"sizes": {"28x28": 15_000}, "modes": {"L": 15_000}, "formats": {"NumPy": 15_000}}
    assert np.bincount(images.labels[:10_000]).tolist() == [1000] * 10
    assert np.bincount(images.labels[10_000:]).tolist() == [500] * 10
    assert (ROOT / paths.EMBEDDED).stat().st_size <= 7_000_000
    # the full sets' published mean and sd are .2860 and .3530
    unit = images.images[:10_000] / 255
    assert abs(unit.mean() - 0.2860) < 0.005
    assert abs(unit.std() - 0.3530) < 0.005
    assert len(np.unique(images.images.reshape(15_000, -1), axis=0)) == 15_000


@pytest.mark.usefixtures("root")
def test_built_in_images_follow_size_and_color_and_have_no_groups(tmp_path: Path) -> None:
    changed = dataclasses.replace(EMBEDDED, image_size=(8, 9), color="rgb")
    assert embedded.load(changed, tmp_path / "images.npy").images.shape == (15_000, 8, 9, 3)
    with pytest.raises(SuiteError, match=r"group_pattern = .* embedded knows of no groups; set it to null"):
        embedded.load(dataclasses.replace(EMBEDDED, group_pattern="(a)"), tmp_path / "images.npy")


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: content[:-1] + b"\0"])
def test_damaged_embedded_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage) -> None:
    content = (ROOT / paths.EMBEDDED).read_bytes()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError, match=r"is missing: restore it with `git checkout"):
        embedded.load(EMBEDDED, tmp_path / "images.npy")
    paths.EMBEDDED.parent.mkdir(parents=True)
    paths.EMBEDDED.write_bytes(damage(content))
    with pytest.raises(SuiteError, match=r"truncated or altered: sha256 .* must be .*git checkout"):
        embedded.load(EMBEDDED, tmp_path / "images.npy")


def test_whole_fashion_mnist_is_its_training_and_its_test_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.arange(5 * 28 * 28, dtype=np.uint8).reshape(5, 28, 28)
    arrays = {
        "train-images-idx3-ubyte": pixels[:3],
        "train-labels-idx1-ubyte": np.array([7, 0, 9], np.uint8),
        "t10k-images-idx3-ubyte": pixels[3:],
        "t10k-labels-idx1-ubyte": np.array([1, 2], np.uint8),
    }
    monkeypatch.setattr(fashion_files, "load", lambda: (arrays, {"a": "b"}))
    whole = dataclasses.replace(EMBEDDED, source="fashion_mnist")
    images = fashion_mnist.load(whole, tmp_path / "images.npy")
    assert np.array_equal(images.images[..., 0], pixels)
    assert images.labels.tolist() == [7, 0, 9, 1, 2]
    assert images.labels.dtype == np.int64
    assert images.given.tolist() == ["", "", "", "test", "test"]
    assert images.class_names == fashion_files.CLASS_NAMES
    assert images.sha256 == {"a": "b"}


def test_selection_takes_equally_many_of_each_class() -> None:
    labels = np.repeat(np.arange(3, dtype=np.uint8), [10, 20, 30])
    chosen = select(labels, 5, np.random.default_rng(0))
    assert np.bincount(labels[chosen]).tolist() == [5, 5, 5]
    assert len(set(chosen.tolist())) == 15


def test_idx_is_decoded() -> None:
    assert np.array_equal(fashion_files.decode_idx(IDX), PIXELS)
    labels = bytes([0, 0, 8, 1]) + np.array([3], ">u4").tobytes() + bytes([7, 8, 9])
    assert fashion_files.decode_idx(labels).tolist() == [7, 8, 9]


def test_packaged_file_is_used_and_checked(tmp_path: Path) -> None:
    packaged = tmp_path / "toy-images-idx3-ubyte.gz"
    packaged.write_bytes(gzip.compress(IDX))
    arrays, sha256 = fashion_files.load(tmp_path, tmp_path / "downloads", (), SHA256)
    assert np.array_equal(arrays["toy-images-idx3-ubyte"], PIXELS)
    assert sha256 == SHA256
    packaged.write_bytes(gzip.compress(IDX[:-1] + b"\xff"))
    with pytest.raises(SuiteError, match="is altered: content sha256"):
        fashion_files.load(tmp_path, tmp_path / "downloads", (), SHA256)
    packaged.write_bytes(gzip.compress(IDX)[:-9])
    with pytest.raises(SuiteError, match="is truncated or not gzip"):
        fashion_files.load(tmp_path, tmp_path / "downloads", (), SHA256)


def test_download_passes_over_a_bad_mirror_and_is_kept(tmp_path: Path, mirror: tuple[str, Path]) -> None:
    address, folder = mirror
    for name, content in (("bad", IDX[:-1] + b"\xff"), ("good", IDX)):
        (folder / name).mkdir()
        (folder / name / "toy-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    downloads = tmp_path / "downloads"
    mirrors = (f"{address}bad/", f"{address}good/")
    arrays, _ = fashion_files.load(tmp_path / "none", downloads, mirrors, SHA256)
    assert np.array_equal(arrays["toy-images-idx3-ubyte"], PIXELS)
    again, _ = fashion_files.load(tmp_path / "none", downloads, (f"{address}bad/",), SHA256)  # no second download
    assert np.array_equal(again["toy-images-idx3-ubyte"], PIXELS)


def test_failed_download_says_what_to_do(tmp_path: Path, mirror: tuple[str, Path], monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between retries
    with pytest.raises(SuiteError, match=r"install Debian's dataset-fashion-mnist.*404"):
        fashion_files.load(tmp_path / "none", tmp_path / "downloads", (mirror[0],), SHA256)
    assert not list((tmp_path / "downloads").rglob("*.gz"))


SOURCES = ROOT / "valgap/data/sources"


def test_every_module_that_holds_a_source_is_in_the_registry_under_its_name() -> None:
    holding = {path.stem for path in SOURCES.glob("*.py") if "\nSOURCE = " in path.read_text()}
    assert holding == set(registry.NAMES)
    assert {name for name in registry.NAMES if registry.source(name).own} == {"folder", "table", "npz"}


def test_an_unknown_source_is_refused_with_the_names_of_all() -> None:
    allowed = "embedded, fashion_mnist, keras, tfds, folder, table, npz"
    with pytest.raises(SuiteError, match=rf"data\.source = 'fashion' is no source \(allowed: {allowed}\)"):
        registry.chosen(own_data(source="fashion"))
    with pytest.raises(SuiteError, match=r"data\.source = 'images' is no source"):
        registry.chosen(own_data(source="images"))  # a module beside them, but none of them


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"source": "keras"}, "data.source = keras needs data.name"),
        ({"source": "tfds"}, "data.source = tfds needs data.name"),
        ({"source": "table"}, "data.source = table needs data.table"),
        ({"source": "embedded", "name": "mnist"}, "data.source = embedded takes no data.name"),
        ({"source": "embedded", "table": "labels.csv"}, "data.source = embedded takes no data.table"),
        ({"source": "folder", "table": "labels.csv"}, "data.source = folder takes no data.table"),
    ],
)
def test_a_source_says_what_it_needs(changes: dict[str, str], says: str) -> None:
    with pytest.raises(SuiteError, match=f"params.yaml: {re.escape(says)}"):
        registry.chosen(own_data(**changes))


def test_a_source_is_one_file_and_its_line(tmp_path: Path) -> None:
    """In a copy of the library, as somebody would add one."""
    shutil.copytree(ROOT / "valgap", tmp_path / "valgap", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "valgap/data/sources"
    (folder / "stripes.py").write_text(
        "from valgap.data.sources.source import Source\n\nSOURCE = Source(lambda data, target: 'striped', own=True)\n"
    )
    listed = (folder / "registry.py").read_text()
    (folder / "registry.py").write_text(listed.replace('    "npz",\n', '    "npz",\n    "stripes",\n'))
    code = "from valgap.data.sources.registry import source; print(source('stripes').load(None, None))"
    assert run(tmp_path, "python", "-c", code).stdout == "striped\n"
    params = (ROOT / "params.yaml").read_text().replace("source: embedded ", "source: stripes ")
    (tmp_path / "params.yaml").write_text(params)
    refusal = run(tmp_path, "python", "-c", "from valgap.prepare import main; main()", check=False).stdout
    assert "data.allowed_transforms is not answered" in refusal  # it was found, and is of own images

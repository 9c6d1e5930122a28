"""The official Fashion-MNIST files: found or downloaded, checked by content, decoded from IDX.

Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747; MIT licence, Zalando SE.
"""

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
import pooch
from numpy.typing import NDArray

from valgap.ground import paths
from valgap.ground.errors import SuiteError

CLASS_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

# Of the uncompressed content: distributors compress the same files differently.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
IDX_HEADER = {1: 8, 3: 16}  # bytes before the data of a vector and of a stack of images


def load(
    packaged: Path = paths.DEBIAN_FASHION_MNIST,
    downloads: Path = paths.DOWNLOADS,
    mirrors: tuple[str, ...] = MIRRORS,
    sha256: dict[str, str] = SHA256,
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, str]]:
    """Arrays by official file name, images (n, 28, 28) and labels (n,), uint8; and the sha256 checked.

    Raises SuiteError when a packaged file is altered, or no mirror delivers the right content.
    """
    arrays = {}
    for name, expected in sha256.items():
        path = packaged / f"{name}.gz"
        content = _checked(path, expected) if path.exists() else _download(name, expected, downloads, mirrors)
        arrays[name] = decode_idx(content)
    return arrays, dict(sha256)


def decode_idx(content: bytes) -> NDArray[np.uint8]:
    """Array of an IDX file of unsigned bytes with 1 or 3 dimensions (magic 0x0801, 0x0803, big-endian)."""
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=IDX_HEADER[dimensions]).reshape(shape)


def _checked(path: Path, expected: str) -> bytes:
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise SuiteError(f"{path} is truncated or not gzip ({error}): re-install or delete it") from None
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SuiteError(f"{path} is altered: content sha256 {found}, must be {expected}: re-install or delete it")
    return content


def _download(name: str, expected: str, downloads: Path, mirrors: tuple[str, ...]) -> bytes:
    """Content of a file kept in `downloads`, fetched from the first mirror that has it right."""
    problems = []
    for mirror in mirrors:
        fetcher = pooch.create(path=downloads, base_url=mirror, registry={f"{name}.gz": None}, retry_if_failed=3)
        try:
            path = Path(fetcher.fetch(f"{name}.gz", progressbar=True))
        except Exception as error:  # pooch passes on whatever its HTTP client raises
            problems.append(f"{mirror}: {error}")
            continue
        try:
            return _checked(path, expected)
        except SuiteError as error:
            problems.append(f"{mirror}: {error}")
            path.unlink()
    raise SuiteError(
        f"could not obtain {name}.gz; install Debian's dataset-fashion-mnist, or put the file into {downloads}/. "
        + "; ".join(problems)
    )

"""Study of VG128 and VG129: images made dark, overexposed, faint or blurred, and files that are cut, by format."""

import io
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from valgap.calibrate.findings.sets import ImageSet
from valgap.data.reading.cut import cut
from valgap.data.sources.images import Images
from valgap.findings.appearance import SMALLEST
from valgap.findings.finding import Used, use
from valgap.findings.pixels import measure
from valgap.findings.quality import kinds_of
from valgap.findings.rates import Rate, Row

NAME = "quality"
DRAWS, IMAGES = 20, 400  # sets that are drawn, and images of each
PLANTED = 0.03  # of them that are spoiled
FILES, SIDE = 300, 224  # of each set that are written in each format, and the pixels of a side that they get for it

Pixels = NDArray[np.uint8]


def scaled(gain: float, offset: float = 0.0) -> Callable[[Pixels], Pixels]:
    """Brightness: gain times the levels (n, h, w, c), and an offset, cut off at 255."""
    return lambda images: np.clip(gain * images.astype(np.float64) + offset, 0, 255).astype(np.uint8)


def blurred(sigma: float) -> Callable[[Pixels], Pixels]:
    """A Gaussian filter of so many pixels."""
    return lambda images: (
        ndimage.gaussian_filter(images.astype(np.float64), (0, sigma, sigma, 0)).round().astype(np.uint8)
    )


SPOILED: Mapping[str, tuple[str, Callable[[Pixels], Pixels]]] = {  # by what is done: the kind that it should be told as
    "dark, x 0.15": ("dark", scaled(0.15)),
    "dark, x 0.25": ("dark", scaled(0.25)),
    "overexposed, x 3": ("overexposed", scaled(3)),
    "washed out, x 0.3 + 179": ("overexposed", scaled(0.3, 179)),
    "faint, x 0.03": ("faint", scaled(0.03, 124)),
    "blurred, sigma 1": ("blurred", blurred(1)),
    "blurred, sigma 1.5": ("blurred", blurred(1.5)),
    "blurred, sigma 2": ("blurred", blurred(2)),
    "blurred, sigma 3": ("blurred", blurred(3)),
}
FORMATS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "JPEG": ("JPEG", {"quality": 85}),
    "progressive JPEG": ("JPEG", {"quality": 85, "progressive": True}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "WebP": ("WEBP", {"quality": 85}),
}


def as_image(image: Pixels) -> Image.Image:
    """Pixels (h, w, 1 or 3) as Pillow has them."""
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def enlarged(image: Pixels) -> Pixels:
    """An image of the size that files have, SIDE pixels a side."""
    found = np.asarray(as_image(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return found.reshape(SIDE, SIDE, image.shape[2])


def written(image: Pixels, how: str) -> bytes:
    """An image (h, w, c) as a file in one of FORMATS."""
    kind, options = FORMATS[how]
    buffer = io.BytesIO()
    as_image(image).save(buffer, kind, **options)
    return buffer.getvalue()


def broken(content: bytes, how: str, share: float) -> bytes:
    """A file of which `share` of its bytes are kept: a JPEG closed with its end marker, others filled up with zeros."""
    kept = content[: int(share * len(content))]
    return kept + (b"\xff\xd9" if FORMATS[how][0] == "JPEG" else bytes(len(content) - len(kept)))


def told(content: bytes) -> str | None:
    """Why a file counts as cut, "" where it does not; None where it is refused."""
    try:
        handle = io.BytesIO(content)
        with Image.open(handle) as image:
            image.load()
            return cut(image, image.format or "", handle)
    except Exception:  # what Pillow raises of a damaged file is of many kinds
        return None


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None]) -> list[Row]:
    """Recall and precision of each kind, and the sets without plants that raise a finding; then of files."""
    rows: list[Row] = []
    for each in sets.values():
        tell(f"{each.name}: how images look")
        rows += _looks(each, seed)
        tell(f"{each.name}: files that are cut")
        rows += _files(each, seed)
    return rows


def _looks(each: ImageSet, seed: int) -> Iterator[Row]:
    clean = [_found(_used(each, chosen, each.images[chosen])) for chosen, _ in _draws(each, seed)]
    raised = sum(bool(found) for found in clean)
    yield Row("VG128", "no plant", each.name, alarms=Rate(raised, len(clean)))
    for what, (kind, spoil) in SPOILED.items():
        if kind == "blurred" and min(each.images.shape[1:3]) < SMALLEST:
            continue  # not judged
        hit = planted = right = flagged = 0
        for chosen, bad in _draws(each, seed):
            images = each.images[chosen]
            images[bad] = spoil(images[bad])
            found = _found(_used(each, chosen, images))
            marks = np.any([*found.values(), np.zeros(len(chosen), np.bool_)], axis=0)
            hit += int(found.get(kind, np.zeros(len(chosen), np.bool_))[bad].sum())
            planted += len(bad)
            right += int(marks[bad].sum())
            flagged += int(marks.sum())
        yield Row("VG128", what, each.name, Rate(hit, planted), Rate(right, flagged))


def _draws(each: ImageSet, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Images of a set, and the places among them of those to spoil."""
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS):
        chosen = rng.choice(len(each.images), min(IMAGES, len(each.images)), replace=False)
        yield chosen, rng.choice(len(chosen), round(PLANTED * len(chosen)), replace=False)


def _used(each: ImageSet, chosen: NDArray[np.int64], images: Pixels) -> Used:
    names = tuple(map(str, chosen.tolist()))
    source = Images(images, each.labels[chosen], each.class_names, np.full(len(names), ""), names, {})
    return use(source, np.where(np.arange(len(names)) % 3 == 0, "val", "train"))


def _found(used: Used) -> dict[str, NDArray[np.bool_]]:
    blank = measure(used.source.images, used.index).blank
    return {kind.name: kind.marks for kind in kinds_of(used, blank)}


def _files(each: ImageSet, seed: int) -> Iterator[Row]:
    """Files that are broken at 20 to 95% of their bytes; those that are refused are another finding's."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(each.images), min(FILES, len(each.images)), replace=False)
    files = [enlarged(image) for image in each.images[chosen]]
    for how in FORMATS:
        whole = [written(image, how) for image in files]
        found = [told(broken(content, how, rng.uniform(0.2, 0.95))) for content in whole]
        hits, read = sum(bool(why) for why in found), sum(why is not None for why in found)
        wrong = sum(bool(told(content)) for content in whole)
        yield Row(
            "VG129", f"{how}, cut", each.name, Rate(hits, read), Rate(hits, hits + wrong), Rate(wrong, len(whole))
        )

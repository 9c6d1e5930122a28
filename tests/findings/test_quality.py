import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.findings.test_audit import given_split, source
from tests.findings.test_files import described
from valgap.calibrate.findings.quality import SPOILED
from valgap.data.sources.images import Images
from valgap.findings.appearance import appearance
from valgap.findings.finding import Finding, use
from valgap.findings.incomplete import grey_ends, incomplete
from valgap.findings.pixels import measure
from valgap.findings.quality import quality, standing

COUNT, SIDE = 120, 24


def drawn(channels: int = 1, black: bool = False, seed: int = 0) -> Images:
    """Discs of many levels on a ground of another level, or on black, with sharp edges."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images = np.empty((COUNT, SIDE, SIDE, channels), np.uint8)
    for image in images:
        image[:] = 0 if black else rng.integers(30, 110, channels)
        for _ in range(3):
            row, column, radius = rng.uniform(6, 18), rng.uniform(6, 18), rng.uniform(3, 6)
            image[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = rng.integers(120, 230, channels)
    return source(images, np.arange(COUNT) % 3)


def found(images: Images, **fields: Any) -> Finding[int]:
    split = np.repeat(["train", "val"], [2 * COUNT // 3, COUNT - 2 * COUNT // 3])
    used = use(dataclasses.replace(images, **fields), split)
    return quality(used, measure(images.images, used.index).blank)


@pytest.mark.parametrize(("channels", "black"), [(1, False), (3, False), (1, True)])
def test_images_of_one_kind_are_fine_even_on_black(channels: int, black: bool) -> None:
    finding = found(drawn(channels, black))
    assert (finding.code, finding.severity, finding.count, finding.of) == ("VG128", "fine", 0, COUNT)
    assert finding.effect.startswith("Nothing")


@pytest.mark.parametrize("what", SPOILED)
@pytest.mark.parametrize("channels", [1, 3])
def test_spoiled_images_are_told_by_kind(what: str, channels: int) -> None:
    kind, spoil = SPOILED[what]
    images = drawn(channels)
    images.images[[5, 50, 100]] = spoil(images.images[[5, 50, 100]])
    finding = found(images)
    assert finding.severity == "worth a look"
    if what != "overexposed, x 3":  # a dark one becomes a bright one, and no more
        assert finding.count == 3
    assert f"{finding.count} {kind}." in finding.found
    assert {example.caption for example in finding.examples} == {kind}


def test_images_that_are_all_dark_are_not_told() -> None:
    images = drawn()
    images.images[:] = SPOILED["dark, x 0.15"][1](images.images)
    assert found(images).severity == "fine"


def test_white_backgrounds_among_others_are_not_overexposed() -> None:
    images = drawn(black=True)
    images.images[:12] = 255 - images.images[:12]
    assert found(images).severity == "fine"


def test_blank_images_are_another_finding() -> None:
    images = drawn()
    images.images[:3] = 0
    assert found(images).severity == "fine"


def test_where_most_of_them_are_is_said_unless_by_chance() -> None:
    images = drawn()
    bad = np.flatnonzero(images.labels[:80] == 1)[:12]
    images.images[bad] = SPOILED["blurred, sigma 2"][1](images.images[bad])
    finding = found(images)
    assert "Of the blurred ones 12 of class “class 1” (of 40 images there)." in finding.found
    assert finding.tables[0].rows == (("blurred", "12", "12", "0"),)
    images = drawn()
    images.images[:12] = SPOILED["blurred, sigma 2"][1](images.images[:12])
    assert "Of the blurred" not in found(images).found


def test_odd_sizes_and_shapes_of_files() -> None:
    size = np.tile([640, 480], (COUNT, 1))
    size[::2] = size[::2, ::-1]  # lying and standing are one shape
    assert found(drawn(), files=described(COUNT, size=size)).severity == "fine"
    size[7], size[8], size[9] = (80, 60), (4000, 3000), (2000, 120)
    finding = found(drawn(), files=described(COUNT, size=size))
    assert "1 much smaller, 1 much larger and 1 odd shape." in finding.found
    assert [example.caption for example in finding.examples] == ["much smaller", "much larger", "odd shape"]


def test_few_images_are_not_judged() -> None:
    images = drawn()
    used = use(images, np.where(np.arange(COUNT) < 19, "train", ""))
    assert quality(used, np.zeros(19, np.bool_)).severity == "unknown"


def test_standing_by_hand() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    # median 3, deviations 2, 1, 0, 1, 97: their median is 1
    assert standing(values, np.ones(5, np.bool_), 0.1)[4] == pytest.approx(97 / 1.4826)
    assert standing(values, np.ones(5, np.bool_), 10.0)[4] == pytest.approx(9.7)
    among = np.array([True, True, True, False, False])
    assert standing(values, among, 0.1)[4] == pytest.approx(98 / 1.4826)


def test_appearance_by_hand() -> None:
    image = np.zeros((1, 20, 20, 3), np.uint8)
    image[:, :, 10:] = 255  # a step: half of it is at the limit, half of the border too
    seen = appearance(image, np.array([0]))
    assert (seen.top[0], seen.low[0], seen.span[0], seen.clipped[0]) == (255, 0, 255, 0.5)
    assert seen.border[0] == 0.5
    assert seen.blur[0] == pytest.approx(1 / 25)  # a fifth of the step is left beside it, and squared
    ramp = np.tile(np.arange(20, dtype=np.uint8) * 10, (20, 1))[np.newaxis, :, :, np.newaxis]
    assert appearance(ramp, np.array([0])).blur[0] == 1.0  # smoothing changes no ramp
    assert np.isnan(appearance(image[:, :8, :8], np.array([0])).blur[0])


def test_arrays_that_end_in_grey_are_cut() -> None:
    images, split = given_split(300)
    images.images[[3, 150], -4:] = 128
    finding = incomplete(use(images, split))
    assert (finding.code, finding.severity, finding.count, finding.of) == ("VG129", "worth a look", 2, 300)
    assert finding.found.startswith("1 of 100 train, 1 of 100 val and 0 of 100 test images lack a part")


def test_a_grey_background_is_no_cut() -> None:
    images, _ = given_split(300)
    images.images[:40, -4:] = 128
    images.images[20:40, :1] = 128
    assert not grey_ends(images.images, np.arange(300)).any()
    images.images[20:40] = 0
    assert np.flatnonzero(grey_ends(images.images, np.arange(300))).tolist() == list(range(20))


def test_files_that_are_cut_are_counted_by_what_tells_it() -> None:
    images, split = given_split(300)
    cut = np.full(300, "", dtype="U10")
    cut[[0, 1, 2, 200]] = ["grey rows", "grey rows", "scans", "zeros"]
    finding = incomplete(use(dataclasses.replace(images, files=described(300, cut=cut)), split))
    assert (finding.severity, finding.count) == ("problem", 4)
    assert [row[1] for row in finding.tables[0].rows] == ["2", "1", "1"]

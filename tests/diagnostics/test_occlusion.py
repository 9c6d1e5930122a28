import numpy as np
import pytest

from valgap.diagnostics.occlusion import GRID, covered, drawn, grid, heat, is_empty, strongest, where

SIZES = [(8, 8), (28, 28), (64, 48), (3, 5), (224, 224), (1, 1)]


def falls_of(image: np.ndarray, corner: tuple[slice, slice]) -> np.ndarray:
    """What a model loses that goes by the mark in a corner alone: its share that is still there."""
    original = image[corner]
    left = np.array([np.mean(copy[corner] == original) for copy in covered(image)])
    return 0.98 * (1 - left)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_patches_cover_every_pixel_in_few_places(height: int, width: int) -> None:
    places = grid(height, width)
    assert len(places) == len(places.windows()) <= GRID * GRID
    count = np.zeros((height, width))
    for window in places.windows():
        count[window] += 1
        assert count[window].shape == (places.height, places.width)
    assert (count > 0).all()


def test_a_copy_is_the_mean_colour_under_its_patch_and_the_image_elsewhere() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:4] = (200, 100, 50)
    copies = covered(image)
    for copy, window in zip(copies, grid(8, 8).windows(), strict=True):
        assert (copy[window] == (100, 50, 25)).all()
        outside = np.ones((8, 8), np.bool_)
        outside[window] = False
        assert (copy[outside] == image[outside]).all()


@pytest.mark.parametrize("size", [28, 64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("row", "column", "name"),
    [(1, 1, "upper left"), (1, -4, "upper right"), (-4, 1, "lower left"), (-4, -4, "lower right")],
)
def test_the_strongest_place_is_the_mark(size: int, channels: int, row: int, column: int, name: str) -> None:
    rng = np.random.default_rng(size)
    image = rng.integers(0, 200, (size, size, channels)).astype(np.uint8)
    corner = (slice(row % size, row % size + 3), slice(column % size, column % size + 3))
    image[corner] = 255
    falls = falls_of(image, corner)
    rows, columns = strongest(falls, size, size)
    assert rows.start <= corner[0].start
    assert corner[0].stop <= rows.stop
    assert columns.start <= corner[1].start
    assert corner[1].stop <= columns.stop
    assert where(falls, size, size) == name
    strength = heat(falls, size, size)
    assert strength[corner].mean() > 0.5 * strength.max() > 4 * strength.mean()


def test_a_model_that_looks_nowhere_has_an_empty_map() -> None:
    assert is_empty(np.zeros(64))
    assert is_empty(np.full(64, -0.5))  # what covering adds is no loss
    assert not is_empty(np.array([*np.zeros(63), 0.02]))


def test_heat_is_the_mean_over_the_patches_on_a_pixel() -> None:
    falls = np.zeros(49)  # an 8 x 8 image: patches of 2 x 2 at rows and columns 0 to 6
    falls[0] = 0.4
    found = heat(falls, 8, 8)
    assert found[0, 0] == pytest.approx(0.4)
    assert found[0, 1] == pytest.approx(0.2)
    assert found[1, 1] == pytest.approx(0.1)
    assert found[2:, 2:].max() == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_a_drawn_map_is_grey_but_where_it_counts(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (8, 8, channels)).astype(np.uint8)
    falls = np.zeros(49)
    falls[0] = 0.4
    found = drawn(image, falls).astype(int)
    assert found.shape == (8, 8, 3)
    assert found[0, 0, 0] > found[0, 0, 1] + 60 > found[0, 0, 2] + 60
    assert (found[2:, 2:, 0] == found[2:, 2:, 2]).all()

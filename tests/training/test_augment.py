import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from scipy import stats

from tests.scratch import ROOT
from valgap.data.sources import embedded
from valgap.ground.params.experiment import Augmentation, Data
from valgap.ground.params.schema import parse, read_yaml
from valgap.training.augment import augment, draw_parameters, warp, warp_matrices

SOURCE = Augmentation(20.0, 0.2, 0.2, 0.2, 0.2, True)
ORIGINAL = {
    "rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 0.2,
    "zoom_range": 0.2, "horizontal_flip": True, "fill_mode": "nearest",
}  # fmt: skip
SEED = tf.constant([3, 5])


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """40 real images, float32 in [0, 1]."""
    data = parse(Data, read_yaml(ROOT / "params.yaml")["data"], "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        source = embedded.load(data, tmp_path_factory.mktemp("source") / "images.npy")
        return source.images[:40].astype(np.float32) / 255


def ours(original: dict[str, float], size: int) -> dict[str, tf.Tensor]:
    """Our parameters for a draw of ImageDataGenerator, which warps columns by `tx`, `zx` and rows by `ty`, `zy`."""
    values = {
        "theta": np.deg2rad(original["theta"]), "shear": np.deg2rad(original["shear"]),
        "column_shift": original["tx"] / size, "row_shift": original["ty"] / size,
        "column_zoom": original["zx"], "row_zoom": original["zy"], "flip": float(original["flip_horizontal"]),
        "vertical_flip": float(original["flip_vertical"]), "turns": 0.0,  # the generator makes no quarter turns
    }  # fmt: skip
    return {name: tf.constant([value], tf.float32) for name, value in values.items()}


def test_equal_parameters_give_the_pixels_of_the_original(images: np.ndarray) -> None:
    generator = ImageDataGenerator(**ORIGINAL)
    np.random.seed(0)
    for image in images:
        drawn = generator.get_random_transform(image.shape)
        expected = generator.apply_transform(image, drawn)
        found = warp(image[np.newaxis], warp_matrices(ours(drawn, 28), 28, 28))[0].numpy()
        np.testing.assert_allclose(found, expected, atol=2e-3)  # of a range of 1; below half a grey level


def test_parameters_are_distributed_as_the_original_draws_them() -> None:
    generator = ImageDataGenerator(**ORIGINAL)
    np.random.seed(1)
    draws = [generator.get_random_transform((28, 28, 1)) for _ in range(4000)]
    found = draw_parameters(SOURCE, 4000, SEED)
    for name in found:
        expected = np.array([float(ours(draw, 28)[name][0]) for draw in draws[:1500]])
        assert stats.ks_2samp(found[name].numpy(), expected).pvalue > 1e-4, name
    varying = [values.numpy() for name, values in found.items() if name not in ("vertical_flip", "turns")]
    together = np.corrcoef(varying)
    assert np.abs(together - np.eye(len(varying))).max() < 4.5 / np.sqrt(4000)  # independent of each other


def test_warped_pixels_are_distributed_as_the_original_makes_them(images: np.ndarray) -> None:
    """How far images move from themselves: mean squared change over many draws, ours against the original's."""
    generator = ImageDataGenerator(**ORIGINAL)
    np.random.seed(2)
    original = [((generator.random_transform(image) - image) ** 2).mean() for image in images for _ in range(25)]
    batch = np.repeat(images, 25, axis=0)
    change = ((augment(tf.constant(batch), SOURCE, SEED) - batch) ** 2).numpy().mean(axis=(1, 2, 3))
    assert stats.ks_2samp(change, original).pvalue > 1e-4


def test_shear_is_in_degrees() -> None:
    largest = max(abs(draw_parameters(Augmentation(shear_degrees=0.2), 1000, SEED)["shear"].numpy()))
    assert np.deg2rad(0.19) < largest <= np.deg2rad(0.2)


def test_known_warps_by_hand() -> None:
    image = tf.reshape(tf.range(12, dtype=tf.float32), (1, 3, 4, 1))

    def warped(**parameters: float) -> list[list[float]]:
        neutral = {
            "theta": 0,
            "column_shift": 0,
            "row_shift": 0,
            "shear": 0,
            "column_zoom": 1,
            "row_zoom": 1,
            "flip": 0,
            "vertical_flip": 0,
            "turns": 0,
        }
        values = {name: tf.constant([float(value)]) for name, value in (neutral | parameters).items()}
        result: list[list[float]] = warp(image, warp_matrices(values, 3, 4))[0, :, :, 0].numpy().tolist()
        return result

    assert warped() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert warped(flip=1) == [[3, 2, 1, 0], [7, 6, 5, 4], [11, 10, 9, 8]]
    assert warped(vertical_flip=1) == [[8, 9, 10, 11], [4, 5, 6, 7], [0, 1, 2, 3]]
    assert warped(turns=2) == [[11, 10, 9, 8], [7, 6, 5, 4], [3, 2, 1, 0]]
    # a shift of a quarter of the width reads one column further right; the border pixel is repeated
    assert warped(column_shift=0.25) == [[1, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]]
    assert warped(row_shift=-1 / 3) == [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7]]
    np.testing.assert_allclose(warped(column_zoom=1 / 3)[0], [1, 1 + 1 / 3, 1 + 2 / 3, 2], atol=1e-5)


def test_quarter_turns_and_flips_are_equally_frequent() -> None:
    drawn = draw_parameters(Augmentation(vertical_flip=True, right_angles=True), 4000, SEED)
    assert np.bincount(drawn["turns"].numpy().astype(int), minlength=4) == pytest.approx(np.full(4, 1000), abs=150)
    assert drawn["vertical_flip"].numpy().mean() == pytest.approx(0.5, abs=0.04)


def test_draws_follow_the_seed_and_differ_between_images(images: np.ndarray) -> None:
    batch = tf.constant(np.repeat(images[:1], 8, axis=0))
    first, again, other = (augment(batch, SOURCE, tf.constant([3, s])).numpy() for s in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first.reshape(8, -1), axis=0)) == 8


def test_empty_policy_touches_nothing(images: np.ndarray) -> None:
    batch = tf.constant(images)
    assert augment(batch, Augmentation(), SEED) is batch

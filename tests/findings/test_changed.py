"""Copies that people changed are found among images that merely look alike, whatever was done to them."""

import functools

import numpy as np
import pytest

from tests.findings.test_audit import SEED, embedded, found, plain, source
from valgap.calibrate.findings.changes import CHANGES, OF_COLOUR
from valgap.findings import chance, changed, coincidence, neighbours, pixels
from valgap.findings.leakage import leaked
from valgap.findings.look import look
from valgap.findings.nearest import search as nearest
from valgap.findings.overlay import lay

TRAIN, OTHERS, EACH = 500, 40, 3

garments = functools.cache(embedded)


@functools.cache
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Garments to learn from, others, and copies of every kind; of each its original's place and its kind, else -1."""
    pool, test = garments()
    rng = np.random.default_rng(2)
    copies, original, kind = [], [], []
    for number, change in enumerate(CHANGES.values()):
        for place in rng.choice(TRAIN, EACH, replace=False):
            copies.append(change(pool[place], rng))
            original.append(place)
            kind.append(number)
    images = np.concatenate([pool[:TRAIN], test[:OTHERS], np.stack(copies)])
    none = np.full(TRAIN + OTHERS, -1)
    return images, np.concatenate([none, original]), np.concatenate([none, kind])


@functools.cache
def searched() -> changed.Changed:
    images, _, _ = planted()
    index = np.arange(len(images))
    return changed.search(images, index, index[TRAIN:], index[:TRAIN])


def test_copies_of_every_kind_are_found_and_hardly_anything_else() -> None:
    _, original, kind = planted()
    pairs = searched().pairs
    right = original[pairs[:, 0]] == pairs[:, 1]
    assert right.sum() >= 0.85 * len(CHANGES) * EACH
    assert (~right).sum() <= 0.1 * len(pairs)
    assert len(np.unique(kind[pairs[right, 0]])) >= len(CHANGES) - 1


def test_what_was_done_is_said() -> None:
    _, original, kind = planted()
    names = list(CHANGES)
    said = {
        names[kind[copy]]: how
        for (copy, of), how in zip(searched().pairs.tolist(), searched().how, strict=True)
        if original[copy] == of
    }
    assert said["mirrored top to bottom"] == "mirrored top to bottom"
    assert said["inverted"] == "inverted"
    assert said["saved as JPEG 90"] == "lit otherwise, marked or saved anew"
    assert said["mirrored, another light, JPEG 60"].startswith("mirrored left to right")
    assert "turned by" in said["turned by 3 degrees"]


def test_images_that_nobody_copied_are_not_called_copies() -> None:
    pool, test = garments()
    images = np.concatenate([pool[:TRAIN], test[:200]])
    index = np.arange(len(images))
    assert len(changed.search(images, index, index[TRAIN:], index[:TRAIN]).pairs) <= 1


@pytest.mark.parametrize("side", [8, 14])
def test_tiny_images_that_look_alike_are_no_near_duplicates(side: int) -> None:
    pool, test = garments()
    images = np.concatenate([pool[:4000], test[:1000]])
    images = np.rint(pixels.block_means(images, side)).astype(np.uint8)
    index, split = np.arange(len(images)), np.repeat(["pool", "test"], [4000, 1000])
    original = pixels.measure(images, index).original
    before = neighbours.search(images, index, original, split, SEED)
    after = coincidence.without(images, index, original, before, SEED)
    assert len(before.pairs) > 40
    assert len(after.pairs) <= 5
    assert len(np.unique(after.cluster)) >= len(images) - 5


def test_near_duplicates_of_many_frames_of_one_scene_stay() -> None:
    rng = np.random.default_rng(0)
    scenes = np.kron(rng.integers(0, 256, (40, 6, 6, 1)), np.ones((1, 4, 4, 1)))
    frames = np.clip(np.repeat(scenes, 8, axis=0) + rng.normal(0, 3, (320, 24, 24, 1)), 0, 255).astype(np.uint8)
    images = source(frames, np.zeros(320, np.int64))
    split = np.where(np.arange(320) % 8 < 6, "train", "val")
    assert found(images, split)["near_across"].count == 80


def test_colour_photos_recoloured_or_cut_anew_are_found() -> None:
    rng = np.random.default_rng(1)
    scenes = [_scene(rng) for _ in range(150)]
    copies = [change(scenes[4 * turn], rng) for turn, change in enumerate([*OF_COLOUR.values()] * 6)]
    images = np.stack([*scenes, *copies])
    index = np.arange(len(images))
    pairs = changed.search(images, index, index[100:], index[:100]).pairs
    right = sum(copy - 150 >= 0 and of == 4 * (copy - 150) for copy, of in pairs.tolist())
    assert right >= 10
    assert len(pairs) - right <= 1


def _scene(rng: np.random.Generator) -> np.ndarray:
    """A photo-like (48, 48, 3): shades of all sizes."""
    shades = sum(
        np.kron(rng.normal(0, 60 / size**0.5, (size, size, 3)), np.ones((48 // size, 48 // size, 1)))
        for size in (2, 4, 8, 16)
    )
    return np.clip(128 + shades, 0, 255).astype(np.uint8)


def test_changed_copies_within_a_split_are_told() -> None:
    images, split = plain(300)
    images.images[10:14] = np.roll(images.images[50:54, ::-1], 1, axis=2)
    finding = found(images, split)["altered_within"]
    assert (finding.code, finding.severity) == ("VG121", "worth a look")
    assert finding.count >= 6  # of four pairs, either may be the copy
    assert "Splits are drawn from the pool" in finding.effect
    assert {image.split for example in finding.examples for image in example.images} == {"pool"}
    assert found(*plain(300, seed=1))["altered_within"].severity == "fine"


def test_a_changed_copy_of_another_class_is_said_and_counts_as_leaked() -> None:
    images, _ = plain(300)
    split = np.where(np.arange(300) < 200, "train", "val")
    images.images[200:206] = 255 - np.roll(images.images[1:7], 1, axis=1)  # classes 2, 0, 1 of originals of 1, 2, 0
    finding = found(images, split)["altered_across"]
    assert finding.count == 0
    assert "Another 6 show the same as an image of another class" in finding.found
    assert np.flatnonzero(leaked(look(images, split, SEED))).tolist() == list(range(200, 206))


def test_features_of_a_network_bring_candidates_and_prove_nothing() -> None:
    pool, _ = garments()
    images = pool[:300].astype(np.float32)[..., 0]
    features = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    features[250:] = features[:50]
    own = np.arange(250, 300)
    with_them = nearest(images[250:], images, own, (features[250:], features))
    assert (with_them == np.arange(50)[:, np.newaxis]).any(axis=1).all()
    without = nearest(images[250:], images, own)
    assert (without == np.arange(50)[:, np.newaxis]).any(axis=1).mean() < 0.9
    index = np.arange(300)
    assert len(changed.search(pool[:300], index, index[250:], index[:250], features).pairs) <= 1


def test_the_chance_of_standing_out_is_that_of_exponential_spacings() -> None:
    rng = np.random.default_rng(0)
    fits = -np.sort(-rng.exponential(0.2, (20_000, 40)), axis=1)
    assert chance.scale(fits) == pytest.approx(0.2, rel=0.05)
    for rank in (1, 4):
        p = chance.chances(fits, 0.2, (rank,))
        assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.006)
    assert chance.chances(np.array([[2.0, 1.0]]), 0.5, (1,)) == pytest.approx(np.exp(-2))
    assert chance.chances(np.array([[2.0, 1.0]]), 0.0).tolist() == [1.0]


def test_of_what_is_believed_few_are_wrong_and_of_chance_nothing() -> None:
    rng = np.random.default_rng(1)
    fits = -np.sort(-rng.exponential(0.2, (2000, 8)), axis=1)
    assert chance.stand_out(fits)[0].sum() <= 1
    fits[:200, 0] += 3
    told, _ = chance.stand_out(fits)
    assert told[:200].all()
    assert told[200:].sum() <= 0.1 * 200
    assert chance.believed(np.array([0.01, 0.02, 0.5]), 3, 0.05).tolist() == [True, True, False]  # at .017 and .033


def test_another_cut_is_laid_over_its_photo() -> None:
    rng = np.random.default_rng(3)
    photos = np.stack([_scene(rng)[..., 0] for _ in range(20)]).astype(np.float32)
    cut = np.stack([np.kron(photo[4:44:1, 2:46], np.ones((1, 1))) for photo in photos])
    small = cut[:, :40, :40]
    poses = np.tile(np.array([1, 0, 0, 1, 0, 0], np.float32), (20, 1))
    whole = photos[:, 4:44, 2:42]
    fit, found_poses = lay(whole, small.astype(np.float32), np.arange(20), np.arange(20), poses, 3, True)
    assert fit.min() > 0.999
    np.testing.assert_allclose(found_poses, poses, atol=1e-3)
    shifted, moved = lay(photos[:, 5:45, 2:42], whole, np.arange(20), np.arange(20), poses, 8, False)
    assert np.median(shifted) > 0.97
    assert np.median(moved[:, 4]) == pytest.approx(-1 / 40, abs=0.005)

"""Copies that were planted are found, and look-alikes are not taken for copies."""

import dataclasses
import functools

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from tests.findings.test_audit import SEED, embedded, found, plain, source
from valgap.data.sources.images import Images
from valgap.findings import copies, right_angles
from valgap.findings import registration as laid
from valgap.findings.leakage import leaked
from valgap.findings.likeness import level
from valgap.findings.look import look
from valgap.findings.symmetries import SYMMETRIES, Symmetry

TRAIN, VAL, COPIES = 900, 150, 24


def changed(image: np.ndarray, turn: float = 0, zoom: float = 1, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """An (h, w, 1) image turned by degrees, made larger and shifted by a share of its side, edges repeated."""
    angle, middle = np.deg2rad(turn), (np.array(image.shape[:2]) - 1) / 2
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    offset = middle - matrix @ (middle + np.array(shift) * image.shape[0])
    drawn = affine_transform(image[..., 0].astype(float), matrix, offset, order=1, mode="nearest")
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)[..., np.newaxis]


drawn = functools.cache(embedded)


def garments(planted: list[np.ndarray], labels: np.ndarray | None = None) -> tuple[Images, np.ndarray]:
    """900 grey garments to learn from, and 150 others with `planted` copies of the first of those to validate."""
    pool, test = drawn()
    images = np.concatenate([pool[:TRAIN], test[:VAL], *([np.stack(planted)] if planted else [])])
    split = np.repeat(["train", "val"], [TRAIN, len(images) - TRAIN])
    return source(images, np.zeros(len(images), np.int64) if labels is None else labels), split


@pytest.mark.parametrize("symmetry", SYMMETRIES[1:], ids=lambda each: each.name)
def test_every_right_angle_copy_is_found_and_named(symmetry: Symmetry) -> None:
    images, split = garments(list(symmetry.of(drawn()[0][:COPIES])))
    index = np.arange(len(split))
    held, base = index[split == "val"], index[split == "train"]
    pairs, how = right_angles.search(images.images, index, held, base, images.labels, 0)
    assert len(pairs) >= COPIES - 3  # some garments are symmetric: their copies are near duplicates
    assert (pairs[:, 0] - TRAIN - VAL == pairs[:, 1]).all()
    assert set(how) == {symmetry.name}


def test_small_turns_zooms_and_shifts_are_found_and_named() -> None:
    pool, _ = drawn()
    rng = np.random.default_rng(3)
    planted = [changed(pool[image], 10 * (-1) ** image, rng.uniform(0.85, 1.2)) for image in range(COPIES)]
    planted += [changed(pool[image, :, ::-1], 8) for image in range(COPIES, 2 * COPIES)]
    images, split = garments(planted)
    result = look(images, split, SEED).copies.moved
    assert result.told
    true = [copy - TRAIN - VAL == of for copy, of in result.pairs.tolist()]
    assert sum(true) >= COPIES
    assert len(true) - sum(true) <= 1
    assert sum(how.startswith("mirrored, turned by ") for how in result.how) >= COPIES // 2
    finding = found(images, split)["altered_across"]
    assert (finding.code, finding.severity) == ("VG116", "problem")
    assert finding.title == "Mirrored, turned or zoomed copies across splits"
    assert "turned, zoomed or shifted a little" in {row[0] for row in finding.tables[0].rows}
    assert all([image.split for image in example.images] == ["train", "val"] for example in finding.examples)


def test_garments_that_are_no_copies_are_not_called_copies() -> None:
    images, split = garments([])
    looked = look(images, split, SEED)
    assert len(looked.copies.pairs) == 0
    finding = found(images, split)["altered_across"]
    assert finding.severity == "fine"
    assert "only where they are 1% of a split's images or more" in finding.found


def discs(count: int, seed: int) -> np.ndarray:
    """Plain shapes, of which many look alike when mirrored: discs of random size and place."""
    rng = np.random.default_rng(seed)
    radius, middle = rng.uniform(4, 10, (count, 1, 1)), rng.uniform(10, 22, (2, count, 1, 1))
    down, right = np.arange(32)[:, np.newaxis], np.arange(32)
    inside = radius - np.hypot(down - middle[0], right - middle[1])
    noise = rng.normal(0, 3, (count, 32, 32))
    return np.clip(60 + 150 * np.clip(inside, 0, 1) + noise, 0, 255).astype(np.uint8)[..., np.newaxis]


@pytest.mark.parametrize("seed", range(3))
def test_plain_shapes_that_look_alike_when_mirrored_do_not_flood_it(seed: int) -> None:
    images = source(discs(900, seed), np.zeros(900, np.int64))
    split = np.repeat(["train", "val"], [600, 300])
    result = look(images, split, SEED).copies
    assert len(result.right.pairs) == 0
    assert len(result.moved.pairs) <= 3


def test_symmetric_things_that_are_near_duplicates_are_left_to_that_finding() -> None:
    images, split = plain(300)
    whole = images.images.copy()
    whole[:, :, 8:] = whole[:, :, 7::-1]  # left and right alike
    noise = np.random.default_rng(0).integers(-2, 3, whole[200:220].shape)
    whole[200:220] = np.clip(whole[:20].astype(int) + noise, 0, 255)
    images = dataclasses.replace(images, images=whole, labels=np.zeros(300, np.int64))
    assert len(look(images, split, SEED).copies.pairs) == 0
    assert found(images, split)["near_across"].count == 20


def mirrored(count: int = 300) -> tuple[Images, np.ndarray]:
    """Images of three classes, the first ten test images mirrored copies of pool images of their class."""
    images, split = plain(count)
    images.images[200:210] = images.images[2:12, :, ::-1]
    return images, split


def test_copies_of_another_class_do_not_count() -> None:
    images, split = mirrored()
    assert found(images, split)["altered_across"].count == 10
    other = dataclasses.replace(images, labels=np.where(np.arange(300) >= 200, 0, 1))
    assert found(other, split)["altered_across"].count == 0


def test_exact_duplicates_of_copies_count_and_pairs_are_shown() -> None:
    images, split = mirrored()
    images.images[212] = images.images[209]  # 209 and 212 are of one class
    finding = found(images, split)["altered_across"]
    assert (finding.severity, finding.count, finding.of) == ("problem", 11, 100)
    assert "11 of 100 test images" in finding.found
    assert "11.0 pp of test accuracy" in finding.effect
    assert finding.tables[0].rows == (("mirrored left to right", "11"),)
    assert [image.name for image in finding.examples[0].images] == ["2.png", "200.png"]


def test_scores_without_duplicates_leave_mirrored_copies_out() -> None:
    images, split = mirrored()
    split = np.where(split == "pool", "train", "val")
    assert np.flatnonzero(leaked(look(images, split, SEED))).tolist() == list(range(200, 210))


def test_without_held_out_images_nothing_is_known() -> None:
    images, _ = plain(60)
    assert found(images, np.full(60, "pool"))["altered_across"].severity == "unknown"
    assert found(images, np.full(60, "val"))["altered_across"].severity == "unknown"


def test_images_that_are_not_square_are_searched_for_what_keeps_their_shape() -> None:
    images, split = mirrored()
    flat = dataclasses.replace(images, images=images.images[:, :12])
    finding = found(flat, split)["altered_across"]
    assert finding.count == 10
    assert finding.title == "Copies across splits, mirrored or turned by right angles"
    assert "were not searched for" in finding.found


def test_a_sample_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    images, split = mirrored()
    monkeypatch.setattr(copies, "MOVED", 200 * 40)
    finding = found(images, split)["altered_across"]
    assert finding.count == 10
    assert "(turned a little, 40 of 100, drawn by the suite's seed, were searched for)" in finding.found
    monkeypatch.setattr(copies, "RIGHT", 200 * 30)
    assert found(images, split)["altered_across"].of == 30


def test_poses_say_what_was_done() -> None:
    pose = laid.read(laid.pose(12, 1.2, (0.05, 0.0), True))
    assert pose.turn == pytest.approx(12, abs=1e-4)
    assert pose.zoom == pytest.approx(1.2, abs=1e-5)
    assert pose.shift == pytest.approx(0.05)
    assert pose.mirrored
    assert not laid.read(laid.pose(-3, 0.8, (0.0, 0.0), False)).mirrored


def test_registration_finds_the_pose_of_a_copy() -> None:
    pool, _ = drawn()
    originals = pool[:40].astype(np.float32)[..., 0]
    copied = np.stack([changed(image, 7, 1.1)[..., 0] for image in pool[:40]]).astype(np.float32)
    start = np.tile(laid.pose(3, 1, (0, 0), False), (40, 1))
    at = np.arange(40)
    fit, poses = laid.register(laid.slopes(copied), originals, at, at, start, 8)
    unmoved = laid.register(laid.slopes(copied), originals, at, at, start, 0)[0]
    assert np.median(fit) > 0.97
    assert (fit >= unmoved).all()
    turns = np.array([laid.read(pose).turn for pose in poses])
    assert np.median(np.abs(np.abs(turns) - 7)) < 1


def test_a_level_needs_a_gap_above_it() -> None:
    copied, alike = np.full(10, 0.05), np.linspace(0.3, 2, 200)
    assert level(np.concatenate([copied, alike]), 4) == 0.1
    assert level(alike, 4) is None
    assert level(copied[:3], 4) is None
    assert level(np.zeros(1), 1) == 1.0

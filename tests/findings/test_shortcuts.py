"""What gives a class away: planted marks, tints and resolutions are found, sets without any stay quiet."""

import dataclasses

import numpy as np
import pytest

from valgap.calibrate.findings.cues import CUES
from valgap.calibrate.findings.draws import CASES, Draw, drawn, planted
from valgap.calibrate.findings.sets import digits, garments
from valgap.data.sources.images import Images
from valgap.findings.finding import use
from valgap.findings.giveaways import giveaways
from valgap.findings.marks import background, marks
from valgap.findings.properties import properties
from valgap.findings.shortcuts import shortcuts
from valgap.findings.transplants import transplant

SETS = {"garments": garments(), "digits": digits()}


def draw(name: str, seed: int) -> tuple[Draw, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return drawn(SETS[name], rng, (3,)), rng


def images_of(draw: Draw) -> tuple[Images, np.ndarray]:
    split = np.where(draw.held, "val", "train")
    names = tuple(map(str, range(len(split))))
    return Images(draw.images, draw.labels, draw.class_names, split, names, {}), split


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cue", CUES)
def test_a_planted_cue_names_its_class_in_every_case(name: str, cue: str) -> None:
    for seed, case in enumerate(CASES):
        clean, rng = draw(name, seed)
        found = giveaways(planted(clean, cue, case, rng).looked, 0)
        clean, rng = draw(name, seed)
        cued = planted(clean, cue, case, rng).cued
        assert cued in {each.label for each in found}, case
        assert any(each.gone for each in found if each.label == cued) == (case == "in training alone")


@pytest.mark.parametrize("name", SETS)
def test_draws_without_a_cue_are_quiet(name: str) -> None:
    assert [giveaways(draw(name, seed)[0].looked, 0) for seed in range(4)] == [[]] * 4


def test_a_cue_that_validation_lacks_is_a_problem_and_one_that_it_has_a_hint() -> None:
    for case, severity in (("in training alone", "problem"), ("in all splits", "worth a look")):
        clean, rng = draw("garments", 5)
        cued = planted(clean, "a mark in a corner", case, rng)  # type: ignore[arg-type]
        used = use(*images_of(cued))
        finding = shortcuts(used, np.arange(len(used.index)), 0)
        assert (finding.code, finding.severity, finding.count) == ("VG126", severity, 1)
        assert f"“{cued.class_names[cued.cued or 0]}” is told by a mark at the " in finding.found
        assert all(cued.labels[place] == cued.cued for each in finding.examples for place in each.images)


def test_held_out_labels_that_are_others_are_no_missing_cue() -> None:
    """As many held-out images have the mark as in training: it is their labels that say something else."""
    clean, rng = draw("garments", 5)
    cued = planted(clean, "a mark in a corner", "in all splits", rng)
    labels = cued.labels.copy()
    labels[cued.held] = rng.permutation(labels[cued.held])
    found = giveaways(dataclasses.replace(cued.looked, labels=labels), 0)
    assert not any(each.gone for each in found)


def test_a_mark_on_all_held_out_images_tells_nothing_there() -> None:
    clean, rng = draw("garments", 5)
    cued = planted(clean, "a mark in a corner", "in training alone", rng)
    marked = cued.images[~cued.held & (cued.labels == cued.cued)]
    plain = clean.images[~cued.held & (cued.labels == cued.cued)]
    where = np.any(marked != plain, axis=(0, 3))
    images = cued.images.copy()
    images[cued.held] = np.where(where[..., np.newaxis], marked[:1], images[cued.held])
    found = giveaways(dataclasses.replace(cued.looked, images=images), 0)
    assert any(each.gone for each in found if each.label == cued.cued)


def test_what_copies_of_few_images_share_is_no_cue() -> None:
    """Eight images of a class, each twenty times, are eight images: equal ones, and those of one family."""
    clean, _ = draw("garments", 5)
    learned = np.flatnonzero(~clean.held & (clean.labels == 0))
    images = clean.images.copy()
    images[learned] = images[np.resize(learned[:8], len(learned))]
    assert not any(each.label == 0 for each in giveaways(dataclasses.replace(clean.looked, images=images), 0))
    families = np.arange(len(images))
    families[learned] = np.resize(learned[:8], len(learned))
    images[learned, 0, 0] = np.arange(len(learned))[:, np.newaxis] % 5
    once = dataclasses.replace(clean.looked, images=images, families=families)
    assert not any(each.label == 0 for each in giveaways(once, 0))


def test_the_same_images_give_the_same_words() -> None:
    clean, rng = draw("digits", 1)
    cued = planted(clean, "a lower resolution", "in all splits", rng)
    used = use(*images_of(cued))
    one, other = (shortcuts(used, np.arange(len(used.index)), 0) for _ in range(2))
    assert one == other


def test_sets_of_one_class_or_of_hardly_any_image_have_nothing_to_tell() -> None:
    images, _ = images_of(draw("garments", 0)[0])
    alone = Images(images.images[:9], images.labels[:9], images.class_names, images.given[:9], images.names[:9], {})
    assert shortcuts(use(alone, np.full(9, "train")), np.arange(9), 0).severity == "fine"


def test_a_mark_is_where_it_was_put_and_looks_so() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (80, 20, 20, 3), dtype=np.uint8)
    labels = np.arange(80) % 2
    images[labels == 1, 1:4, 15:18] = (200, 10, 60)
    (mark,) = marks(images, labels, 2)
    assert (mark.label, mark.place, int(mark.mask.sum())) == (1, "at the top right", 9)
    assert mark.look[2, 16].tolist() == [200, 10, 60]
    assert mark.on(images).tolist() == (labels == 1).tolist()


def test_what_all_images_have_around_things_is_no_mark() -> None:
    images = np.zeros((40, 20, 20, 1), np.uint8)
    labels = np.arange(40) % 2
    images[labels == 0, :, 2:18] = 200  # the others are black there
    assert background(images) == 0
    assert [mark for mark in marks(images, labels, 2) if mark.label == 1] == []


def test_grey_images_have_no_colours_and_small_ones_no_detail() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (5, 20, 20, 1), dtype=np.uint8)
    names = {each.name for each in properties(grey, np.arange(5))}
    assert {"brightness", "sharpness", "a grid of pixels"} <= names
    assert not any("red" in name for name in names)
    assert {each.kind for each in properties(grey[:, :6, :6], np.arange(5))} == {"light", "border"}


def test_detail_falls_with_resolution_and_a_grid_comes_with_repeated_pixels() -> None:
    fine = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 1), dtype=np.uint8)
    twice = fine[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    values = [{each.name: each.values for each in properties(images, np.arange(6))} for images in (fine, twice)]
    assert (values[1]["a grid of pixels"] > values[0]["a grid of pixels"] + 1).all()


def test_a_transplant_gives_a_tint_to_others_and_takes_it_back() -> None:
    clean, _ = draw("garments", 2)
    images = clean.images.copy()
    own = clean.labels == 0
    images[own] = np.maximum(images[own], 60)
    cued = Draw(images, clean.labels, clean.held, clean.class_names, 0)
    cue = next(each for each in giveaways(cued.looked, 0) if each.name == "brightness of the border")
    change = transplant(cue, images[own], images[~own])
    put = change.put(images[~own])
    assert abs(int(np.median(put[:, 0])) - 60) <= 3
    assert change.take is not None
    assert int(np.median(change.take(images[own])[:, 0])) <= 3


def test_a_mark_is_put_and_covered_in_pixels_of_images_larger_than_blocks() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(60, 90, (60, 128, 128, 1), dtype=np.uint8)
    labels = np.arange(60) % 2
    images[labels == 1, 4:20, 4:20] = 250
    held = np.zeros(60, np.bool_)
    cue = next(each for each in giveaways(Draw(images, labels, held, ("a", "b")).looked, 0) if each.mark)
    change = transplant(cue, images[labels == 1], images[labels == 0])
    assert (change.put(images[labels == 0])[:, 6:18, 6:18] == 250).all()
    assert change.take is not None
    assert (change.take(images[labels == 1])[:, 6:18, 6:18] < 90).all()

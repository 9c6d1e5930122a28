"""Segments that a model is worse at: judged within classes, and by the largest of all."""

import numpy as np

from tests.findings.test_audit import source
from valgap.data.sources.images import Images
from valgap.findings import segments
from valgap.findings.finding import Used, use
from valgap.findings.segments import Segment, judge, weak


def held_out(count: int = 400, **fields: object) -> Used:
    """Images of 16 levels of light in two classes, all of validation."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 10, (count, 12, 12, 1), dtype=np.uint8)
    images += (15 * (np.arange(count) % 16)).astype(np.uint8)[:, None, None, None]
    found: Images = source(images, np.arange(count) // 16 % 2, 2, **fields)
    return use(found, np.full(count, "val"))


def test_images_that_are_worse_for_being_dark_are_named_with_their_interval() -> None:
    used = held_out()
    dark = np.arange(400) % 16 < 3
    right = ~(dark & (np.random.default_rng(1).random(400) < 0.5))
    finding = weak(used, "val", right, 0)
    assert (finding.code, finding.severity) == ("VG125", "worth a look")
    assert finding.found.startswith("dark images: ")
    assert " of 80 are recognised (" in finding.found
    assert finding.examples[0].images
    assert not right[list(finding.examples[0].images)].any()
    assert finding.count == int(finding.tables[0].rows[0][1])


def test_a_hard_class_is_not_blamed_on_the_light_it_is_taken_in() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 300)
    dark = Segment("dark images", rng.random(600) < np.where(labels == 1, 0.9, 0.1))
    right = rng.random(600) < np.where(labels == 1, 0.5, 0.95)
    (judged,) = judge([dark], right, labels, 0)
    assert judged.right < judged.elsewhere - 0.3
    assert abs(judged.lost) < 0.05
    assert judged.p > 0.05


def test_what_a_segment_lacks_is_counted_against_its_own_classes() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    right = np.array([True, True, False, False, True, True, True, False])
    (judged,) = judge([Segment("some", np.array([0, 0, 1, 1, 0, 0, 0, 1], np.bool_))], right, labels, 0)
    assert (judged.images, judged.right, judged.elsewhere) == (3, 0.0, 1.0)
    assert np.isclose(judged.lost, (0.5 + 0.5 + 0.75) / 3)


def test_shuffles_that_lack_as_much_count_whole_however_their_sums_round() -> None:
    """In one class, "at least as bad" is "as few hits", which integers tell."""
    for count, hits in ((60, 41), (77, 50), (130, 97), (211, 148)):
        right, has = np.arange(count) % count < hits, np.arange(count) % 3 == 0
        (judged,) = judge([Segment("every third", has)], right, np.zeros(count, np.int64), 7)
        shuffled = np.random.default_rng(7).permuted(np.repeat(right[:, None], segments.PERMUTATIONS, axis=1), axis=0)
        assert judged.p == (1 + np.sum(shuffled[has].sum(axis=0) <= right[has].sum())) / (1 + segments.PERMUTATIONS)


def test_chance_alone_names_no_segment() -> None:
    used = held_out()
    alarms = [weak(used, "val", np.random.default_rng(seed).random(400) < 0.8, seed).severity for seed in range(20)]
    assert alarms.count("fine") >= 19


def test_folders_beside_split_and_class_are_segments() -> None:
    names = tuple(f"val/class {place // 16 % 2}/camera {place % 4}/{place}.png" for place in range(400))
    used = held_out(names=names)
    right = ~((np.arange(400) % 4 == 2) & (np.random.default_rng(3).random(400) < 0.6))
    finding = weak(used, "val", right, 0)
    assert "folder “camera 2”" in finding.found
    assert {each.name for each in segments.of(used, np.arange(400))} >= {
        f"folder “camera {place}”" for place in range(4)
    }


def test_few_images_are_unknown_and_perfect_ones_fine() -> None:
    used = held_out(50)
    assert weak(used, "val", np.ones(50, np.bool_), 0).severity == "unknown"
    used = held_out(100)
    assert weak(used, "val", np.ones(100, np.bool_), 0).severity == "fine"

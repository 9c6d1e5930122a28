import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.findings.test_audit import found, given_split, plain
from valgap.data.sources.images import Files, Images
from valgap.findings import files
from valgap.findings.finding import Finding, use
from valgap.findings.known_by import known_by

SEED = 7


def described(count: int, **fields: Any) -> Files:
    """Files of one kind, but for the fields."""
    usual: dict[str, Any] = {
        "format": np.full(count, "JPEG"), "mode": np.full(count, "RGB"), "size": np.full((count, 2), 224),
        "orientation": np.zeros(count, np.int64), "transparent": np.zeros(count, np.bool_),
    }  # fmt: skip
    return Files(**(usual | fields))


def findings(images: Images, split: np.ndarray, **fields: Any) -> dict[str, Finding[int]]:
    images = dataclasses.replace(images, files=described(len(split), **fields))
    return {each.code: each for each in files.findings(use(images, split), SEED)}


def test_images_of_arrays_have_no_findings_on_files() -> None:
    images, split = plain(60)
    assert files.findings(use(images, split), SEED) == []
    assert not {"known_by_files", "orientation", "transparency"} & set(found(images, split))


def test_files_of_one_kind_are_fine() -> None:
    images, split = given_split(300)
    for finding in findings(images, split).values():
        assert (finding.severity, finding.count) == ("fine", 0)
        assert finding.effect.startswith("Nothing")


def test_a_class_that_is_known_by_its_format_is_a_problem() -> None:
    images, split = given_split(300)
    finding = findings(images, split, format=np.where(images.labels == 1, "PNG", "JPEG"))["VG117"]
    assert (finding.severity, finding.count, finding.of) == ("problem", 1, 3)
    assert finding.found == (
        "A class is told from all others by format and mode “class 1” in 100%: balanced accuracy on images kept back "
        "for it, of 100; by chance it is 50%."
    )
    assert finding.tables[0].rows[1] == ("class 1", "PNG, RGB: 33", "224 × 224: 33", "33")


def test_formats_that_leave_no_trace_are_worth_a_look_only() -> None:
    images, split = given_split(300)
    formats = np.where(images.labels == 1, "PNG", "BMP")
    assert findings(images, split, format=formats)["VG117"].severity == "worth a look"


def test_grey_files_of_a_class_are_a_problem_among_colour_images_only() -> None:
    images, split = given_split(300)
    modes = np.where(images.labels == 1, "L", "RGB")
    assert findings(images, split, mode=modes)["VG117"].severity == "worth a look"
    coloured = dataclasses.replace(images, images=np.repeat(images.images, 3, axis=3))
    assert findings(coloured, split, mode=modes)["VG117"].severity == "problem"


def test_a_class_that_is_known_by_its_size_is_a_problem() -> None:
    images, split = given_split(300)
    size = np.where(images.labels[:, np.newaxis] == 2, [640, 480], [512, 512])
    finding = findings(images, split, size=size)["VG117"]
    assert finding.severity == "problem"
    assert "by size “class 2” in 100%" in finding.found


def test_a_share_of_a_class_in_another_format_is_worth_a_look() -> None:
    images, split = given_split(600)
    rng = np.random.default_rng(0)
    formats = np.where((images.labels == 1) & (rng.random(600) < 0.6), "PNG", "JPEG")
    assert findings(images, split, format=formats)["VG117"].severity == "worth a look"


@pytest.mark.parametrize("seed", range(10))
def test_images_that_each_have_their_own_size_are_no_problem(seed: int) -> None:
    images, split = given_split(600)
    rng = np.random.default_rng(seed)
    tall = images.labels == 1  # things of this class are tall by nature
    size = rng.integers(200, 2000, (600, 2))
    size[tall, 1] = size[tall, 0] * rng.uniform(1.5, 2.5, tall.sum())
    assert findings(images, split, size=size)["VG117"].severity in ("fine", "worth a look")
    assert findings(images, split, size=rng.integers(200, 2000, (600, 2)))["VG117"].severity == "fine"


def test_kinds_by_chance_tell_no_class() -> None:
    images, split = given_split(300)
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        formats = rng.choice(["PNG", "JPEG", "WEBP"], 300)
        size = rng.choice([224, 256, 512], (300, 2))
        alarms += findings(images, split, format=formats, size=size)["VG117"].severity != "fine"
    assert alarms <= 1


def test_images_of_one_group_count_once() -> None:
    images, split = given_split(300)
    groups = images.labels * 2 + np.arange(300) % 2  # two cameras a class, each with its own format
    formats = np.where(images.labels == 1, "PNG", "JPEG")
    grouped = dataclasses.replace(images, groups=groups)
    assert findings(grouped, split, format=formats)["VG117"].severity == "fine"


def test_kinds_are_judged_on_images_not_counted() -> None:
    own = np.arange(100)  # every image is of its own kind: nothing can be known
    label = np.arange(100) % 2
    found_by = known_by(own, label, 2, None, SEED)
    assert not found_by.beyond.any()
    np.testing.assert_allclose(found_by.balanced, 0.5)
    sure = known_by(label, label, 2, None, SEED)
    assert sure.beyond.all()
    np.testing.assert_allclose(sure.balanced, 1)


def test_files_of_several_kinds_say_less_where_a_class_is_known_by_them() -> None:
    images, split = given_split(300, facts={"formats": {"PNG": 100, "JPEG": 200}})
    images = dataclasses.replace(images, files=described(300, format=np.where(images.labels == 1, "PNG", "JPEG")))
    assert found(images, split)["files"].effect.endswith("stands under “Classes known by their files” (VG117).")


def test_exif_orientation_of_one_split_alone_is_a_problem() -> None:
    images, split = given_split(300)
    finding = findings(images, split, orientation=np.where(split == "val", 6, 0))["VG118"]
    assert (finding.severity, finding.count, finding.of) == ("problem", 100, 300)
    assert finding.found == (
        "0 of 100 train images, 100 of 100 val images and 0 of 100 test images carry an EXIF orientation."
    )
    assert finding.tables[0].rows == (
        ("train", "0", "100", "0.0"),
        ("val", "100", "100", "100.0"),
        ("test", "0", "100", "0.0"),
    )
    some = findings(images, split, orientation=np.where((split == "val") & (np.arange(300) % 5 == 0), 6, 0))["VG118"]
    assert some.severity == "worth a look"


def test_exif_orientation_of_all_splits_alike_is_fine() -> None:
    images, split = given_split(300)
    assert findings(images, split, orientation=np.full(300, 6))["VG118"].severity == "fine"
    few = np.zeros(300, np.int64)
    few[100:103] = 3
    assert findings(images, split, orientation=few)["VG118"].severity == "fine"


def test_transparency_of_one_split_or_class_alone_is_a_problem() -> None:
    images, split = given_split(300)
    by_split = findings(images, split, transparent=split == "val")["VG119"]
    by_class = findings(images, split, transparent=images.labels == 0)["VG119"]
    assert by_split.severity == by_class.severity == "problem"
    assert "class" not in by_split.found
    assert "By it a class is told from all others: “class 0” in 100%" in by_class.found
    assert findings(images, split, transparent=np.ones(300, np.bool_))["VG119"].severity == "fine"


def test_without_images_to_learn_from_all_are_looked_at() -> None:
    images, _ = plain(60)
    split = np.full(60, "val")
    finding = findings(images, split, format=np.where(images.labels == 1, "PNG", "JPEG"))["VG117"]
    assert finding.severity == "problem"

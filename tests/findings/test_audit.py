import base64
import dataclasses
import io
import lzma
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.scratch import ROOT
from valgap.data.sources.images import Dropped, Images
from valgap.findings import neighbours, pictures, pixels, shift
from valgap.findings.audit import ORDER, audit, findings_of
from valgap.findings.finding import Audit, Finding, Picture, shown
from valgap.findings.leakage import leaked
from valgap.findings.look import look
from valgap.ground import records

SEED = 20240
SIDE = 16


def pictures_of(label: np.ndarray, seed: int, side: int = SIDE, channels: int = 1) -> np.ndarray:
    """Separable classes, each a coarse pattern, with coarse variation and noise: no two are nearly alike."""
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(int(label.max(initial=0)) + 1, 4, 4, channels))
    coarse = patterns[label] + rng.normal(scale=0.8, size=(len(label), 4, 4, channels))
    fine = np.kron(coarse, np.ones((1, side // 4, side // 4, 1))) + rng.normal(
        scale=0.2, size=(len(label), side, side, channels)
    )
    return np.clip(128 + 30 * fine, 0, 255).astype(np.uint8)


def source(images: np.ndarray, label: np.ndarray, classes: int = 3, **fields: Any) -> Images:
    arguments: dict[str, Any] = {
        "class_names": tuple(f"class {number}" for number in range(classes)),
        "given": np.full(len(label), ""), "names": tuple(f"{number}.png" for number in range(len(label))), "sha256": {},
    }  # fmt: skip
    return Images(images, label.astype(np.int64), **(arguments | fields))


def plain(count: int = 300, seed: int = 0, **fields: Any) -> tuple[Images, np.ndarray]:
    """Clean images in three classes and their splits: two thirds pool, one third test."""
    label = np.arange(count) % 3
    split = np.where(np.arange(count) < 2 * count // 3, "pool", "test")
    return source(pictures_of(label, seed), label, **fields), split


def given_split(count: int = 300, seed: int = 0, **fields: Any) -> tuple[Images, np.ndarray]:
    images, _ = plain(count, seed, **fields)
    split = np.repeat(["train", "val", "test"], count // 3)
    return images, split


def found(images: Images, split: np.ndarray) -> dict[str, Finding[Picture]]:
    content = audit(look(images, split, SEED))
    assert records.parse(Audit, records.text(content, indent=1)) == content
    return {finding.name: finding for finding in content.findings}


def text_of(content: Audit) -> str:
    return records.text(content, indent=1)


def counted(finding: Finding[Any]) -> tuple[str, int, int]:
    return finding.severity, finding.count, finding.of


def test_clean_data_has_no_findings() -> None:
    images, split = given_split(600, groups=np.arange(600) // 2)
    findings = found(images, split)
    assert len(findings) == 20
    assert {name for name, finding in findings.items() if finding.severity != "fine"} == set()
    assert all(finding.count == 0 for name, finding in findings.items() if name != "counts")


def test_counts_by_hand() -> None:
    images, split = plain(30)
    split[-3:] = ""
    finding = found(images, split)["counts"]
    assert (
        finding.found == "27 images of 16 × 16 pixels, grey, in 3 classes: 20 pool and 7 test; 3 more are of no split."
    )
    assert finding.tables[0].rows == (("class 0", "7", "2"), ("class 1", "7", "2"), ("class 2", "6", "3"))


def test_exact_duplicates_are_counted_across_and_within_splits() -> None:
    images, split = given_split(300)
    for copy, of in ((100, 0), (101, 0), (200, 1), (201, 102), (2, 3), (4, 3), (203, 202)):
        images.images[copy] = images.images[of]
    findings = found(images, split)
    # in val 100 and 101 (of 0), in test 200 (of 1) and 201 (of 102, in val)
    assert counted(findings["exact_across"]) == ("problem", 4, 200)
    assert findings["exact_across"].found.startswith("2 of 100 val images and 2 of 100 test images are pixel for pixel")
    assert "up to 2.0 pp of val accuracy and 2.0 pp of test accuracy" in findings["exact_across"].effect
    # in train 2, 3, 4; in val 100, 101; in test 202, 203
    assert counted(findings["exact_within"]) == ("worth a look", 7, 300)
    pairs = [[image.name for image in example.images] for example in findings["exact_across"].examples]
    assert pairs == [["0.png", "100.png"], ["1.png", "200.png"], ["102.png", "201.png"]]
    assert counted(findings["near_across"])[1] == 0


def test_copies_are_listed_by_the_image_as_they_are_counted() -> None:
    """The same, nearly the same, mirrored; a copy of an image of its own split is none."""
    images, split = given_split(300)
    images.images[101] = images.images[2]
    images.images[103] = nearly(images.images[4])
    images.images[[105, 108]] = images.images[[6, 9]][:, :, ::-1]
    images.images[111], images.images[204] = images.images[114], images.images[105]
    looked = look(images, split, SEED)
    counts = {finding.name: finding.count for finding in findings_of(looked)}
    assert np.flatnonzero(leaked(looked)).tolist() == [101, 103, 105, 108, 204]
    assert [counts[name] for name in ("exact_across", "near_across", "altered_across")] == [2, 1, 3]  # 204 mirrors 6
    unused = split.copy()
    unused[:100] = ""
    assert not leaked(look(images, unused, SEED)).any(), "nothing is learned from"


def test_one_duplicate_in_a_large_split_is_no_problem() -> None:
    images, split = plain(600)
    images.images[599] = images.images[0]
    assert counted(found(images, split)["exact_across"]) == ("worth a look", 1, 200)


def test_copies_within_a_declared_group_stay_together_and_do_not_count() -> None:
    images, split = plain(60)
    images.images[[1, 2]] = images.images[0]
    groups = np.arange(60)
    groups[[0, 1, 2]] = 0
    assert counted(found(dataclasses.replace(images, groups=groups), split)["exact_within"]) == ("fine", 0, 60)
    groups[2] = 2
    assert counted(found(dataclasses.replace(images, groups=groups), split)["exact_within"]) == ("problem", 3, 60)


def nearly(image: np.ndarray, seed: int = 5) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-2, 3, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


def test_near_duplicates_are_counted_across_and_within_splits() -> None:
    images, split = plain(300)
    images.images[200] = nearly(images.images[0])
    images.images[201] = nearly(images.images[1])
    images.images[11] = nearly(images.images[10])
    images.images[12] = images.images[10]  # an exact duplicate has the near duplicates of its original
    findings = found(images, split)
    assert counted(findings["near_across"]) == ("problem", 2, 100)
    assert counted(findings["near_within"]) == ("worth a look", 3, 300)
    assert counted(findings["exact_within"]) == ("problem", 2, 300)
    example = findings["near_across"].examples[0]
    assert {image.split for image in example.images} == {"pool", "test"}
    assert example.caption.startswith("correlation 0.99")


def test_many_near_duplicates_in_its_own_split_do_not_hide_one_in_another() -> None:
    images, split = plain(300)
    for copy in range(200, 230):
        images.images[copy] = nearly(images.images[200], copy)
    images.images[0] = np.clip(nearly(images.images[200]).astype(int) + np.eye(SIDE, dtype=int)[..., None] * 12, 0, 255)
    assert found(images, split)["near_across"].count == 30


def embedded() -> tuple[np.ndarray, np.ndarray]:
    content = lzma.decompress((ROOT / "data/embedded/fashion_mnist_15k.npz.xz").read_bytes())
    with np.load(io.BytesIO(content)) as arrays:
        return arrays["pool_images"][..., np.newaxis], arrays["test_images"][..., np.newaxis]


def test_search_by_thumbnails_finds_what_a_full_search_finds() -> None:
    pool, test = embedded()
    pool, test = pool[:6000], test[:3000]
    images = np.concatenate([pool, test])
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    rows, columns = np.nonzero(np.triu(flat @ flat.T, 1) >= neighbours.NEAR)
    split = np.repeat(["pool", "test"], [len(pool), len(test)])
    index = np.arange(len(images))
    similar = neighbours.search(images, index, pixels.measure(images, index).original, split, SEED)
    assert len(rows) >= 4
    assert similar.pairs.tolist() == np.stack([rows, columns], axis=1).tolist()
    assert similar.checked.all()


def test_clusters_are_chains_of_near_duplicates() -> None:
    images, split = plain(40)
    images.images[1] = nearly(images.images[0])
    images.images[2] = nearly(images.images[1], 6)
    images.images[3] = images.images[2]
    cluster = look(images, split, SEED).similar.cluster
    assert np.flatnonzero(cluster == cluster[0]).tolist() == [0, 1, 2, 3]
    assert len(np.unique(cluster)) == 37
    assert cluster.dtype == np.int64


def test_too_many_images_are_sampled_and_the_finding_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    images, split = plain(300)
    for copy in range(200, 300):
        images.images[copy] = nearly(images.images[copy - 200], copy)
    whole = found(images, split)["near_across"]
    assert counted(whole) == ("problem", 100, 100)
    monkeypatch.setattr(neighbours, "COMPARED", 40 * 300)
    sampled = found(images, split)["near_across"]
    assert counted(sampled) == ("problem", 20, 20)  # half of the 40 are held out
    assert "(40 images, drawn by the suite's seed, were searched for among all 300)" in sampled.found
    other = audit(look(images, split, SEED + 1)).findings
    assert sampled.examples != next(each for each in other if each.name == "near_across").examples


def test_the_same_image_under_two_labels() -> None:
    images, split = plain(60)
    images.images[[3, 4]] = images.images[0]  # labels 0, 1 and 0
    images.images[9] = images.images[6]  # both 0
    finding = found(images, split)["conflicting_labels"]
    assert counted(finding) == ("problem", 3, 60)
    assert [image.class_name for image in finding.examples[0].images] == ["class 0", "class 1"]


def test_missing_classes_and_imbalance_are_told_apart() -> None:
    label = np.repeat([0, 1, 2], [60, 30, 10])
    images = source(pictures_of(label, 1), label, classes=4)
    findings = found(images, np.where(np.arange(100) >= 80, "test", "pool"))
    assert counted(findings["missing_classes"]) == ("problem", 3, 4)  # 0 in test, 2 in pool, 3 in both
    rows = findings["missing_classes"].tables[0].rows
    assert rows == (("class 2", "pool"), ("class 3", "pool"), ("class 0", "test"), ("class 3", "test"))
    assert counted(findings["imbalance"]) == ("worth a look", 1, 2)  # 60 of class 0 and 20 of class 1 to learn from
    assert "3.0 times as many" in findings["imbalance"].found


def test_a_rare_class_that_a_small_split_lacks_is_worth_a_look() -> None:
    label = np.array([0] * 90 + [1] * 8 + [0] * 20)
    images = source(pictures_of(label, 1), label, classes=2)
    assert found(images, np.repeat(["pool", "test"], [98, 20]))["missing_classes"].severity == "worth a look"
    assert found(images, np.repeat(["test", "pool"], [98, 20]))["missing_classes"].severity == "problem"


def test_dropped_and_mixed_files_are_counted_and_named() -> None:
    dropped = tuple(Dropped(f"bad\n{number}.png", "empty, 0 bytes") for number in range(30))
    facts = {"sizes": {"28x28": 70}, "modes": {"L": 60, "RGB": 10}, "formats": {"PNG": 70}}
    images, split = plain(70 * 3 // 3, dropped=dropped, facts=facts)
    findings = found(images, split)
    assert counted(findings["dropped"]) == ("problem", 30, 100)
    rows = findings["dropped"].tables[0].rows
    assert len(rows) == 20
    assert rows[0] == ("bad�0.png", "empty, 0 bytes")
    assert counted(findings["files"]) == ("worth a look", 10, 70)
    assert "modes 60 L, 10 RGB" in findings["files"].found


def test_blank_images_are_counted_and_never_near_duplicates() -> None:
    images, split = plain(60)
    for image in range(5):
        images.images[image] = 40 * image
    findings = found(images, split)
    assert counted(findings["blank"]) == ("problem", 5, 60)
    assert findings["near_within"].count == 0
    assert findings["exact_within"].count == 0


def test_groups_on_both_sides_are_a_problem_and_left_out_of_the_two_sample_test() -> None:
    images, split = given_split(300)
    groups = np.arange(300) // 2
    groups[[100, 101, 102]] = groups[[0, 2, 2]]  # val images of the groups of train's 0 and 2; 103 stays alone
    groups[200] = groups[102]
    findings = found(dataclasses.replace(images, groups=groups), split)
    assert counted(findings["groups"]) == ("problem", 2, 149)
    assert "3 of 100 val images and 1 of 100 test images" in findings["groups"].effect
    assert findings["groups"].tables[0].rows == (
        ("train", "100", "50"),
        ("val", "100", "51"),
        ("test", "100", "51"),
    )
    assert "7 images whose group or near duplicates lie on both sides are left out" in findings["two_sample"].found
    assert findings["two_sample"].severity == "fine"


def test_unknown_groups_are_no_reason_to_split_again() -> None:
    images, split = given_split(30)
    finding = found(images, split)["groups"]
    assert counted(finding) == ("worth a look", 30, 30)
    assert finding.found.startswith("No groups are declared")
    assert "keep a given split as it is" in finding.effect


def test_brightness_shift_of_one_split_is_found() -> None:
    images, split = given_split(300)
    held = split == "test"
    images.images[held] = np.clip(images.images[held].astype(int) + 25, 0, 255)
    findings = found(images, split)
    severity, count, of = counted(findings["brightness"])
    assert (severity, count, of) == ("problem", 1, 4)
    assert "brightness of test images by +" in findings["brightness"].found
    assert len(findings["brightness"].tables[0].rows) == 4
    assert len(findings["brightness"].examples) == 4
    assert findings["two_sample"].severity == "fine"


def test_a_hardly_visible_shift_of_very_many_images_is_not_called_one() -> None:
    rng = np.random.default_rng(0)
    alone = np.arange(50_000)
    one, other = rng.normal(100, 20, 50_000), rng.normal(101, 20, 50_000)
    difference = shift.standardised(one, other, alone, alone)
    assert difference.low > 0  # significant at any level: 0.05 standard deviations, 8 standard errors
    assert 0 < difference.least < shift.NEGLIGIBLE


def test_standardised_difference_by_hand() -> None:
    one, other = np.array([10.0, 20.0, 30.0]), np.array([30.0, 40.0, 50.0])
    found = shift.standardised(one, other, np.arange(3), np.arange(3))
    spread = math.sqrt(200 / 3)
    error = math.sqrt(2 * 3 / 2 * 200 / 9) / spread
    assert found.value == pytest.approx(20 / spread)
    assert found.low == pytest.approx(20 / spread - 4.302653 * error)  # t of 2 degrees of freedom
    assert shift.standardised(one, other, np.zeros(3, int), np.arange(3)).least == 0  # one group: nothing is known
    flat = shift.standardised(np.full(9, 10.0), np.full(9, 12.0), np.arange(9), np.arange(9))
    assert flat.value == 2  # in grey levels where nothing varies


def test_limits_of_groups_are_wider_than_those_of_images_and_cover() -> None:
    misses = {"groups": 0, "images": 0}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        of = np.arange(400) // 10
        values = rng.normal(0, 10, 40)[of] + rng.normal(100, 10, 400)
        side = of < 20
        for name, cluster in (("groups", of), ("images", np.arange(400))):
            low_high = shift.standardised(values[side], values[~side], cluster[side], cluster[~side])
            misses[name] += low_high.least > 0
    assert misses["groups"] <= 20  # nominal 10 of 200, standard error 3
    assert misses["images"] > 60


def test_validation_images_of_another_kind_are_told_apart() -> None:
    images, split = given_split(300)
    held = split == "val"
    images.images[held, :8] = np.clip(images.images[held, :8].astype(int) + 40, 0, 255)
    images.images[held, 8:] = np.clip(images.images[held, 8:].astype(int) - 40, 0, 255)
    finding = found(images, split)["two_sample"]
    assert counted(finding) == ("problem", 1, 1)
    assert "100 training and 100 validation images" in finding.found


def test_measures_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (5, 7, 4, 3), dtype=np.uint8)
    image[2] = [9, 8, 7]
    image[4] = image[1]
    measured = pixels.measure(image, np.arange(5))
    assert measured.original.tolist() == [0, 1, 2, 3, 1]
    assert measured.blank.tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(measured.brightness, image.reshape(5, -1).mean(axis=1))
    np.testing.assert_allclose(measured.contrast, image.mean(axis=3).reshape(5, -1).std(axis=1), atol=1e-12)
    correlations = pixels.correlations(image, np.array([0, 0, 2]), np.array([1, 3, 3]))
    flat = image.reshape(5, -1)
    np.testing.assert_allclose(correlations, [np.corrcoef(flat[a], flat[b])[0, 1] for a, b in ((0, 1), (0, 3), (2, 3))])
    np.testing.assert_allclose(pixels.block_means(image, 2)[0, 0, 1], image[0, :3, 2:].mean(axis=(0, 1)), rtol=1e-6)


def test_parts_and_memory_maps_do_not_change_a_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, split = given_split(120)
    images.images[100] = images.images[0]
    images.images[101] = nearly(images.images[1])
    before = text_of(audit(look(images, split, SEED)))
    np.save(tmp_path / "images.npy", images.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    monkeypatch.setattr(pixels, "PART", 10 * SIDE * SIDE)
    monkeypatch.setattr(neighbours, "PART", 17)
    assert text_of(audit(look(dataclasses.replace(images, images=mapped), split, SEED))) == before
    fortran = np.asfortranarray(images.images)
    assert text_of(audit(look(dataclasses.replace(images, images=fortran), split, SEED))) == before


@pytest.mark.parametrize("side", [8, 64, 200])
def test_pictures_stay_within_their_budget(side: int) -> None:
    label = np.arange(120) % 3
    image = np.random.default_rng(0).integers(0, 256, (120, side, side, 3), dtype=np.uint8)
    for copy in range(40):
        image[copy + 40] = image[copy]
        image[copy + 80] = nearly(image[copy], copy)
    content = audit(look(source(image, label), np.repeat(["train", "val", "test"], 40), SEED))
    drawn = [entry.png for finding in content.findings for each in finding.examples for entry in each.images]
    assert len(drawn) > 40
    assert sum(map(len, drawn)) <= pictures.BUDGET
    assert len(text_of(content)) < 300_000
    assert all(len(finding.examples) <= 8 for finding in content.findings)


def test_a_picture_is_a_small_png_of_the_image() -> None:
    image = np.zeros((100, 50, 1), np.uint8)
    image[:50] = 200
    content = base64.b64decode(pictures.png(image, 64))
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (32, 64))
        assert (picture.getpixel((5, 5)), picture.getpixel((5, 60))) == (200, 0)


def test_names_are_shown_on_one_line_and_cut_in_the_middle() -> None:
    assert shown("a\nb\u202ec\udcff\x00d") == "a�b�c��d"
    long = shown("x" * 100 + "y" * 100)
    assert len(long) == 80
    assert long.startswith("x" * 40 + "…y")


def test_splits_must_be_known_and_complete() -> None:
    images, split = plain(30)
    with pytest.raises(ValueError, match=r"names \['valid'\]; allowed are \['train', 'pool', 'val', 'test', ''\]"):
        audit(look(images, np.where(split == "pool", "valid", "test"), SEED))
    with pytest.raises(ValueError, match="29 entries for 30 images"):
        audit(look(images, split[1:], SEED))


@st.composite
def any_images(draw: st.DrawFn) -> tuple[Images, np.ndarray, int]:
    count = draw(st.integers(1, 24))
    shape = (count, draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.sampled_from([1, 3])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 2, 256]))
    image = rng.integers(0, levels, shape, dtype=np.uint8)
    image = image[rng.integers(0, draw(st.integers(1, count)), count)]  # some are equal
    classes = draw(st.integers(2, 4))
    names = draw(
        st.sampled_from([("train", "val", "test"), ("pool", "test"), ("pool",), ("val",), ("",), ("train", "val", "")])
    )
    groups = rng.integers(0, draw(st.integers(1, count)), count) if draw(st.booleans()) else None
    images = source(image, rng.integers(0, classes, count), classes, groups=groups)
    return images, rng.choice(names, count), draw(st.integers(0, 2**63 - 1))


@settings(max_examples=60)
@given(any_images())
def test_any_small_images_have_an_audit(case: tuple[Images, np.ndarray, int]) -> None:
    images, split, seed = case
    content = audit(look(images, split, seed))
    text_of(content)
    assert content == audit(look(images, split, seed))
    severities = [finding.severity for finding in content.findings]
    assert severities == sorted(severities, key=ORDER.index)
    for finding in content.findings:
        assert 0 <= finding.count <= finding.of
        assert finding.found.endswith(".")
        assert finding.effect.endswith(".") or finding.severity == "unknown"
        assert "nan" not in finding.found

"""The studies of findings: what they are given, and the table that is made of their rates."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from valgap.calibrate.findings import sets, studies, table
from valgap.document import markdown
from valgap.findings.rates import Measured, Rate, Row
from valgap.ground.errors import SuiteError


def test_a_folder_of_photos_is_a_set_whatever_its_splits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for place, (split, label) in enumerate([("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")]):
        folder = tmp_path / split / label
        folder.mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 256, (40 + place, 90, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    found = sets.of_folder(tmp_path)
    assert found.images.shape == (8, 64, 64, 3)
    assert np.bincount(found.labels).tolist() == [4, 4]
    assert found.class_names == ("cat", "dog")


def test_sets_have_every_image_and_label() -> None:
    for found, count, side in ((sets.garments(), 15_000, 28), (sets.digits(), 1797, 8)):
        assert found.images.shape == (count, side, side, 1)
        assert found.images.max() == 255
        assert sorted(set(found.labels.tolist())) == list(range(10))


def test_an_unknown_study_is_refused_before_any_runs() -> None:
    with pytest.raises(SuiteError, match="no study of findings"):
        studies.named(["nothing"])


def test_the_table_says_counts_and_limits_and_leaves_out_what_was_not_tried() -> None:
    rows = (Row("VG999", "mirrored", "garments", Rate(9, 10)), Row("VG998", "none", "digits", None, None, Rate(0, 40)))
    text = markdown.write(table.build(Measured(7, ("garments: 5 images",), rows)))
    assert "seed 7" in text
    assert "90% (60 to 98; 9/10)" in text
    assert "0% (0 to 9; 0/40)" in text
    assert text.index("VG998") < text.index("VG999")

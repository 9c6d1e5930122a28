"""The line on what is known so far, by hand."""

from pathlib import Path

import numpy as np
import pytest

from valgap.ground.files import write_npz
from valgap.results.known import known


def cell(variant: str, block: int, train: list[int], val: list[int], test: list[int]) -> tuple[str, int]:
    """A cell of two replicates, block * 2 and the next, with so many of 10 images right."""
    folder = Path(f"runs/{variant}/{block}")
    folder.mkdir(parents=True)
    content = {"replicates": np.array([2 * block, 2 * block + 1])}
    for name, right in (("train", train), ("val", val), ("test", test)):
        labels = np.zeros((2, 10), np.int64)
        given = np.array([[0] * count + [1] * (10 - count) for count in right])
        content |= {f"{name}_labels": labels, f"{name}_probabilities": np.eye(2, dtype=np.float32)[given]}
    write_npz(folder / "predictions.npz", content)
    return variant, block


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_differences_are_paired_by_replicate_and_the_largest_come_first() -> None:
    done = {
        cell("baseline", 0, [10, 10], [8, 6], [7, 5]),
        cell("wide", 0, [10, 10], [8, 8], [8, 5]),  # +10 and 0
        cell("narrow", 0, [9, 9], [4, 4], [4, 4]),  # -30 and -10
        cell("narrow", 1, [9, 9], [0, 0], [0, 0]),  # nothing to pair with
    }
    assert known(done, 8) == (
        "4 of 8 cells: gap 30.0 pp, test accuracy 60.0%; against it, in pp, of so many replicates: "
        "narrow −20.0 (2), wide +5.0 (2); no verdict yet"
    )


def test_before_the_baseline_is_trained_nothing_is_compared() -> None:
    assert known({cell("wide", 0, [9, 9], [8, 8], [8, 8])}, 8) == "1 of 8 cells; the baseline is not trained yet"
    assert known(set(), 8) == "0 of 8 cells; the baseline is not trained yet"


def test_the_baseline_alone_has_a_gap_and_five_variants_are_listed_at_most() -> None:
    done = {cell("baseline", 0, [9, 9], [8, 8], [7, 7])}
    assert known(done, 9) == "1 of 9 cells: gap 10.0 pp, test accuracy 70.0%; no verdict yet"
    done |= {cell(f"v{number}", 0, [9, 9], [8, 8], [number, number]) for number in range(7)}
    assert known(done, 9).count("(2)") == 5
    assert "v6" not in known(done, 9)

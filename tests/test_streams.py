from typing import get_args

import numpy as np
import pytest

from stages import streams
from stages.streams import Purpose


def first(seed: int, replicate: int, purpose: Purpose) -> float:
    return float(streams.generator(seed, replicate, purpose).random())


def test_equal_names_give_equal_draws_and_any_other_gives_others() -> None:
    assert first(1, 2, "order") == first(1, 2, "order")
    purposes = get_args(Purpose)
    draws = {first(seed, replicate, p) for seed in (1, 2) for replicate in (-1, 0, 1) for p in purposes}
    assert len(draws) == 2 * 3 * len(purposes)
    numbers = {streams.integer(seed, replicate, p) for seed in (1, 2) for replicate in (0, 1) for p in purposes}
    assert len(numbers) == 2 * 2 * len(purposes)
    assert all(0 <= number < 2**31 for number in numbers)


def test_streams_of_different_replicates_are_uncorrelated() -> None:
    draws = np.array([streams.generator(5, replicate, "weights").random(2000) for replicate in range(20)])
    off_diagonal = np.corrcoef(draws)[np.triu_indices(20, 1)]
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(2000)


def test_unknown_purpose_is_refused() -> None:
    with pytest.raises(ValueError, match="purpose must be one of"):
        streams.generator(1, 0, "luck")  # type: ignore[arg-type]

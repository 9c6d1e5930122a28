"""How long a network is timed for."""

import pytest

from valgap.init.networks import FEWEST_STEPS, MOST_STEPS, OPERATIONS, PASSES, SECONDS, timed_steps


@pytest.mark.parametrize("operations", [0, 1, 10**5, 10**7, 10**9, 10**11])
def test_a_slow_network_is_timed_for_fewer_steps(operations: int) -> None:
    steps = timed_steps(operations, 32)
    assert FEWEST_STEPS <= steps <= MOST_STEPS
    assert steps == FEWEST_STEPS or steps * PASSES * operations * 32 / OPERATIONS <= SECONDS

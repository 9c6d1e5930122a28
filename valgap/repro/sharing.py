"""How cells and slots are shared out to processes side by side. Pure functions."""

import math


def batch_size(waiting: int, jobs: int) -> int:
    """Cells of the next process when so many wait: guided self-scheduling (Polychronopoulos and Kuck 1987), halved.

    Each process pays for DVC's start once; small batches at the end keep all busy to the last.
    """
    return max(1, waiting // (2 * jobs))


def slots_of_next(free: list[int], launches: int) -> list[int]:
    """Slots of the first of so many processes to be started now, which share the free ones evenly."""
    return free[: math.ceil(len(free) / launches)]

"""How cells and slots are shared out to processes side by side. Pure functions."""

import math

from stages.errors import SuiteError


def jobs_asked(text: str) -> int:
    """JOBS as a number; 1 when it is empty. Raises SuiteError on anything but a whole number from 1."""
    if not text:
        return 1
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise SuiteError(f"JOBS = {text!r} must be a whole number from 1: how many cells to train at once")
    return int(text)


def batch_size(waiting: int, jobs: int) -> int:
    """Cells of the next process when so many wait: guided self-scheduling (Polychronopoulos and Kuck 1987), halved.

    Each process pays for DVC's start once; small batches at the end keep all busy to the last.
    """
    return max(1, waiting // (2 * jobs))


def slots_of_next(free: list[int], launches: int) -> list[int]:
    """Slots of the first of so many processes to be started now, which share the free ones evenly."""
    return free[: math.ceil(len(free) / launches)]

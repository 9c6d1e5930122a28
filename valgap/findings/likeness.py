"""How alike two images must be to count as copies: the images of a set decide it among themselves.

Things of one kind look alike, the more so when they may be turned. Copies lie close together, while look-alikes get
more and more with distance: at least fourfold where misfit doubles and things differ in four ways or more. So of the
levels of misfit the loosest is used within which lie at least twice as many pairs as between it and double of it.
"""

import numpy as np
from numpy.typing import NDArray

LEVELS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02, 0.0)


def level(misfit: NDArray[np.floating], least: float) -> float | None:
    """The loosest of LEVELS at which at least `least` pairs count as copies, by their `misfit`; None without one."""
    for limit in LEVELS:
        within = int(np.sum(misfit <= limit))
        if within >= least and within >= 2 * int(np.sum((misfit > limit) & (misfit <= 2 * limit))):
            return limit
    return None

"""Which held-out images are copies of images that are used before them: as they are, nearly so, or changed."""

import numpy as np
from numpy.typing import NDArray

from valgap.findings import altered, duplicates
from valgap.findings.look import Look


def copied(looked: Look) -> NDArray[np.bool_]:
    """(m,) whether a held-out image is counted by VG102, VG103 or VG116: of each of the used images."""
    used, original = looked.used, looked.measured.original
    if not len(used.index):
        return np.zeros(0, np.bool_)
    same = duplicates.same_before(used, original) | duplicates.near_before(used, original, looked.similar)
    changed: NDArray[np.bool_] = same | altered.copied_before(used, original, looked.copies)
    return changed

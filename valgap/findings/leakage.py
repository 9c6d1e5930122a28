"""Which held-out images have a duplicate in training: exact, near, or changed, as the audit finds them."""

import numpy as np
from numpy.typing import NDArray

from valgap.findings.look import Look


def leaked(looked: Look) -> NDArray[np.bool_]:
    """(n,) images of the source that are held out and a training image as well, or nearly so, or a changed copy of one.

    Changed copies of images of another class count as well. Of many images some are found for a sample only.
    """
    used, original = looked.used, looked.measured.original
    known = np.zeros(len(original), np.bool_)  # originals with an equal image in training
    known[original[used.split == "train"]] = True
    near = np.zeros(len(original), np.bool_)
    for one, other in (looked.similar.pairs.T, looked.similar.pairs.T[::-1]):
        near[one] |= known[other]
    for copy, of in np.concatenate([looked.copies.pairs, looked.copies.elsewhere]):
        near[copy] |= known[of]
    found = np.zeros(len(used.source.labels), np.bool_)
    found[used.index] = (known | near)[original] & ~used.learned
    return found

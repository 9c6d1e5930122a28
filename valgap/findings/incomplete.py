"""Finding on files that lack a part of their image, though a decoder takes them, and on arrays made from such files."""

import numpy as np
from numpy.typing import NDArray

from valgap.findings.finding import EXAMPLES, Example, Finding, Sheet, Used, listed, severity_of
from valgap.findings.pixels import parts

TITLE = "Files that are cut"
GREY, NEAR = 128, 1  # the level that libjpeg fills up with, and what resizing makes of it
LEAST_ROWS, LEAST_SHARE = 2, 0.04  # of rows that are grey: fewer are not looked for
BACKGROUND = 0.2  # images that are grey at the top, for each that is grey at its end alone: a background, no damage
WORDS = {
    "grey rows": "grey rows where data are missing",
    "black rows": "rows of black, or of a palette's first colour, where data are missing",
    "zeros": "data that end in zeros",
    "scans": "scans of a JPEG, or a part of the last one, are missing",
}


def incomplete(used: Used) -> Finding[int]:
    """Images of which a part is missing: by their files where there are files, else by their lowest rows."""
    files = used.source.files
    why = np.full(len(used.index), "", dtype="U10")
    if files is None or files.cut is None:
        why[grey_ends(used.source.images, used.index)] = "grey rows"
    else:
        why = files.cut[used.index].astype("U10")
    cut = why != ""
    count, of = int(cut.sum()), len(why)
    shares = [
        f"{int(cut[used.split == name].sum()):,} of {int(np.sum(used.split == name)):,} {name}" for name in used.present
    ]
    effect = "Nothing: every image is whole, as far as it can be told."
    if count:
        effect = (
            "What the decoder filled in is not what was photographed: such images are learned by heart, and where one "
            "class or split has them a network can go by that. Another reader refuses them, or stops there."
        )
    kinds = [(kind, int(np.sum(why == kind))) for kind in WORDS if np.any(why == kind)]
    rows = tuple((WORDS[kind], f"{number:,}") for kind, number in kinds)
    sheet = Sheet("Images that are cut, by what tells it.", ("what", "images"), rows)
    examples = tuple(Example(WORDS[str(why[image])], (int(image),)) for image in np.flatnonzero(cut)[:EXAMPLES])
    return Finding(
        "VG129", "incomplete", TITLE, severity_of(count, of), count, of, "images",
        f"{listed(shares or ['none'])} images lack a part, though they can be read.", effect, examples,
        (sheet,) if kinds else (),
    )  # fmt: skip


def grey_ends(images: NDArray[np.uint8], index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(m,) images at `index` whose lowest rows are grey throughout, and whose highest is not.

    None where many are grey at the top too: that is a background.
    """
    rows = images.shape[1]
    least = max(LEAST_ROWS, round(LEAST_SHARE * rows))
    ends, begins = np.zeros(len(index), np.bool_), np.zeros(len(index), np.bool_)
    if rows <= least:
        return ends
    for place, pixels in parts(images, index):
        for found, some in ((ends, pixels[:, -least:]), (begins, pixels[:, :1])):
            found[place] = (np.abs(some.astype(np.int16) - GREY) <= NEAR).all(axis=(1, 2, 3))
    alone = ends & ~begins
    return alone if begins.sum() <= BACKGROUND * alone.sum() else np.zeros(len(index), np.bool_)

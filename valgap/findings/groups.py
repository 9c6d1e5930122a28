"""Finding on groups: patients, cameras, sessions, whose images belong on one side of a split."""

import numpy as np
from numpy.typing import NDArray

from valgap.findings.finding import EXAMPLES, HELD_OUT, Example, Finding, Sheet, Used, listed


def groups(used: Used) -> Finding[int]:
    """Whether groups are known, and which lie on both sides of a given split."""
    count = len(used.index)
    if used.groups is None:
        found = "No groups are declared."
        effect = (
            "If several images are of one patient, camera or session, and such a group lies on both sides of a split, "
            "the gap looks smaller than it is: declare groups where there are any, and keep a given split as it is "
            "until then."
        )
        return Finding("VG101", "groups", "Groups", "worth a look", count, count, "images", found, effect)
    names, member = np.unique(used.groups, return_inverse=True)
    sides = ["training", *(name for name in HELD_OUT if name in used.present)]
    side = np.asarray(np.where(used.learned, "training", used.split))
    on: NDArray[np.bool_] = np.zeros((len(sides), len(names)), np.bool_)
    for place, name in enumerate(sides):
        on[place, member[side == name]] = True
    both: NDArray[np.bool_] = on.sum(axis=0) > 1
    leaking = {
        name: int(np.sum((side == name) & both[member] & (on[:place].sum(axis=0) > 0)[member]))
        for place, name in enumerate(sides)
        if place
    }
    total = int(both.sum())
    found = f"{total:,} of {len(names):,} declared groups lie on both sides of a split."
    effect = "Nothing: every group is on one side."
    if total:
        shares = [f"{part:,} of {np.sum(side == name):,} {name} images" for name, part in leaking.items() if part]
        effect = (
            f"A network can recognise the group instead of the class: accuracy is too high by an unknown amount on "
            f"{listed(shares)}, and the gap looks smaller than it is."
        )
    rows = tuple(
        (name, f"{np.sum(used.split == name):,}", f"{len(np.unique(used.groups[used.split == name])):,}")
        for name in used.present
    )
    examples = []
    for group in np.flatnonzero(both)[:EXAMPLES]:
        images = np.flatnonzero(member == group)
        first = [int(images[side[images] == name][0]) for name in sides if np.any(side[images] == name)]
        examples.append(Example("one group", (first[0], first[1])))
    return Finding(
        "VG101",
        "groups",
        "Groups on both sides of a split",
        "problem" if total else "fine",
        total,
        len(names),
        "groups",
        found,
        effect,
        tuple(examples),
        (Sheet("Images and groups of each split.", ("split", "images", "groups"), rows),),
    )

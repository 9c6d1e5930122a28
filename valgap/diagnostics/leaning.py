"""Whether a network goes by a cue that gives a class away: the cue is put into other images, and taken away."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.seen import Seen
from valgap.findings.giveaways import Giveaway, Looked, giveaways
from valgap.findings.transplants import transplant

SEED = 0
CUES = 6  # that the network is asked about, at most
ASKED = 200  # images of the class, and of others, a cue, at most
FEWEST = 10  # of either
SHIFTED = 0.2  # of images that change their class by the cue alone: from here on the network goes by it
MOSTLY = 0.5  # of those that change, and become the class that the cue tells
ALPHA = 0.001  # of the sign test

Index = NDArray[np.int64]
Flags = NDArray[np.bool_]
Named = Callable[[NDArray[np.uint8]], Index]  # the class that the network names for each of (n, h, w, c) images


def leans(looked: Looked, class_names: tuple[str, ...], says: Index, named: Named) -> Iterator[Seen]:
    """VG127: cues that tell a class in training, and by which the network goes.

    `says` (m,) is the class that it names for each of the images that are looked at. A cue is put into images of other
    classes that it recognises: SHIFTED of them, and MOSTLY of those that change, must become the class that it tells.
    Of a mark it also counts that as many images of the class are recognised no more when it is covered.
    """
    asked: set[tuple[int, str]] = set()
    for cue in giveaways(looked, SEED):
        if (cue.label, cue.kind) not in asked and len(asked) < CUES:
            asked.add((cue.label, cue.kind))
            if (found := _asked(looked, says, named, cue)) is not None:
                sure = cue.mark is not None or cue.gone  # a tint or detail in all splits may be what is shown
                yield Seen("VG127", "problem" if sure else "worth a look", found | {"name": class_names[cue.label]})


def _asked(looked: Looked, says: Index, named: Named, cue: Giveaway) -> dict[str, object] | None:
    """What the network says with the cue and without; None where it hardly matters, or too few images show it."""
    has = np.zeros(len(says), np.bool_)
    has[cue.has] = True
    own = looked.labels == cue.label
    with_it = _some(has & own, looked.held)
    without = _some(~has & ~own & (says == looked.labels), looked.held)
    if min(len(with_it), len(without)) < FEWEST:
        return None
    having, lacking = (np.asarray(looked.images[looked.index[rows]]) for rows in (with_it, without))
    change = transplant(cue, having, lacking)
    after = named(change.put(lacking))
    called, moved = after == cue.label, after != says[without]
    put = called.mean() >= SHIFTED and called.sum() >= MOSTLY * moved.sum() and _beyond(int(called.sum()), 0)
    right, kept, taken = says[with_it] == cue.label, None, False
    if change.take is not None:
        kept = named(change.take(having)) == cue.label
        lost, won = int(np.sum(right & ~kept)), int(np.sum(kept & ~right))
        taken = cue.mark is not None and right.mean() - kept.mean() >= SHIFTED and _beyond(lost, won)
    if not put and not taken:
        return None
    return {
        "cue": cue.words,
        "kind": cue.kind,
        "own": cue.own,
        "rest": cue.rest,
        "called": float(called.mean()),
        "others": len(without),
        "images": len(with_it),
        "right": float(right.mean()),
        "kept": None if kept is None else float(kept.mean()),
        "gone": cue.gone,
    }


def _some(rows: Flags, held: Flags) -> Index:
    """At most ASKED of the marked images: held-out ones where there are enough, else training ones too."""
    chosen = np.flatnonzero(rows & held)
    if len(chosen) < FEWEST:
        chosen = np.flatnonzero(rows)
    return np.sort(np.random.default_rng(SEED).permutation(chosen)[:ASKED])


def _beyond(lost: int, won: int) -> bool:
    """Whether images go one way more often than chance lets them (one-sided sign test)."""
    return lost + won > 0 and float(stats.binomtest(lost, lost + won, alternative="greater").pvalue) < ALPHA

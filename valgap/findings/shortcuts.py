"""Finding on what gives a class away in training though it need not be what is shown."""

import numpy as np

from valgap.findings.finding import EXAMPLES, HELD_OUT, Example, Finding, Severity, Sheet, Used, listed, shown
from valgap.findings.giveaways import Giveaway, Index, Looked, giveaways

NAMED = 3  # cues in a sentence
ROWS = 12  # in the table
EACH = 3  # images of a cue that are shown
TITLE = "Classes known by something else than what is shown"
GONE = (
    "A network that goes by it is right in training and wrong where it is missing: it widens the gap, and no remedy "
    "against overfitting closes that part."
)
EVERYWHERE = (
    "A network can go by it instead of what is shown: right on training and held-out images alike, so that the gap "
    "does not show it, and wrong where images come without it. Where it is part of what is shown, it does no harm."
)


def shortcuts(used: Used, cluster: Index, seed: int) -> Finding[int]:
    """Marks, tints, borders and resolutions that tell a class in training, and whether they do in held-out images.

    One image of each (m,) `cluster` is looked at.
    """
    found = _distinct(giveaways(_looked(used, cluster), seed))
    gone = [each for each in found if each.gone]
    severity: Severity = "problem" if gone else "worth a look" if found else "fine"
    text = "No mark, tint, border or sharpness tells a class of the images to learn from."
    effect = "Nothing: what is shown tells the classes."
    if found:
        named = listed(_told(used, each) for each in (gone or found)[:NAMED])
        rest = len(gone or found) - NAMED
        text = f"{named}{f', and {rest:,} more' if rest > 0 else ''}: shares of images that have it."
        effect = GONE if gone else EVERYWHERE
    labels = {each.label for each in found}
    return Finding(
        "VG126", "shortcuts", TITLE, severity, len(labels), len(used.source.class_names), "classes", text, effect,
        _examples(used, gone or found), _table(used, found),
    )  # fmt: skip


def _looked(used: Used, cluster: Index) -> Looked:
    """The images that the suite uses: those to learn from against the first held-out split there is."""
    held = next((name for name in HELD_OUT if name in used.present), "")
    classes = len(used.source.class_names)
    return Looked(used.source.images, used.index, used.labels, used.learned, used.split == held, classes, cluster)


def _distinct(found: list[Giveaway]) -> list[Giveaway]:
    """Of each class and kind the strongest, as they came."""
    return list({(each.label, each.kind): each for each in reversed(found)}.values())[::-1]


def _told(used: Used, cue: Giveaway) -> str:
    held = "" if np.isnan(cue.held_own) else f" (held out: {cue.held_own:.0%} and {_percent(cue.held_rest)})"
    name = shown(used.source.class_names[cue.label])
    return f"“{name}” is told by {cue.words}, {cue.own:.0%} of it and {_percent(cue.rest)} of the others{held}"


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{share:.0%}"


def _examples(used: Used, found: list[Giveaway]) -> tuple[Example[int], ...]:
    """Images of the class that have the strongest cues."""
    cues = found[: max(1, EXAMPLES // EACH)]
    return tuple(Example(cue.words, tuple(cue.has[used.labels[cue.has] == cue.label][:EACH].tolist())) for cue in cues)


def _table(used: Used, found: list[Giveaway]) -> tuple[Sheet, ...]:
    rows = tuple(
        (
            shown(used.source.class_names[cue.label]),
            cue.words,
            *(_percent(share) for share in (cue.own, cue.rest, cue.held_own, cue.held_rest)),
        )
        for cue in found[:ROWS]
    )
    headings = ("class", "told by", "of its images", "of the others", "of its held-out images", "of the others")
    return (Sheet("Share of images that have what gives a class away.", headings, rows),) if rows else ()

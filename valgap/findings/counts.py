"""Findings that need no more than counting: classes and splits, files, what was dropped, blank images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.findings.finding import EXAMPLES, Example, Finding, Severity, Sheet, Used, listed, severity_of, shown

LISTED = 20  # dropped files, or kinds of a fact, that are named
CLASSES = 200  # rows of the table of classes, at most
IMBALANCED = 1.5  # largest class over smallest: above it accuracy hides the small classes (as for the primary metric)
BY_CHANCE = 0.01  # probability that a split drawn at random has no image of a class: below it no accident
COLOURS = {1: "grey", 3: "RGB"}


def counts(used: Used) -> Finding[int]:
    """Images of each class and split."""
    source, classes = used.source, len(used.source.class_names)
    columns = [np.bincount(used.labels[used.split == name], minlength=classes) for name in used.present]
    rows = [
        (shown(name), *(f"{column[place]:,}" for column in columns))
        for place, name in enumerate(source.class_names[:CLASSES])
    ]
    height, width, channels = source.images.shape[1:]
    parts = [f"{np.sum(used.split == name):,} {name}" for name in used.present]
    found = (
        f"{len(used.index):,} images of {height} × {width} pixels, {COLOURS[channels]}, in {classes:,} classes: "
        f"{listed(parts or ['none is used'])}."
    )
    if unused := len(source.labels) - len(used.index):
        found = f"{found[:-1]}; {unused:,} more are of no split."
    more = f", the first {CLASSES} of {classes:,} classes" if classes > CLASSES else ""
    return Finding(
        "VG115", "counts", "Images by class and split", "fine", len(used.index), len(source.labels), "images", found,
        "Nothing by itself: these are the numbers that every share below is of.",
        tables=(Sheet(f"Images of each class and split{more}.", ("class", *used.present), tuple(rows)),),
    )  # fmt: skip


def files(used: Used, tells: bool = False) -> Finding[int]:
    """Sizes, modes and formats of the original files, where the source tells; `tells` if they give a class away."""
    facts: dict[str, Any] = used.source.facts
    known = {name: facts[name] for name in ("sizes", "modes", "formats") if facts.get(name)}
    mixed = [name for name in ("modes", "formats") if len(known.get(name, {})) > 1]
    words = [f"{_kinds(name, values)}" for name, values in known.items()]
    found = f"{listed(words)}." if words else "The source has arrays, not image files."
    effect = "Nothing: the files are of one kind."
    if mixed and tells:
        effect = "Classes differ in it: what that means stands under “Classes known by their files” (VG117)."
    elif mixed:
        effect = (
            "Where classes or splits differ in it, a network can go by colour or compression instead of what is shown, "
            "and is wrong where that does not hold."
        )
    elif len(known.get("sizes", {})) > 1:
        effect = "Little: all were brought to one size."
    rows = [
        (name[:-1], shown(str(kind)), f"{count:,}") for name, values in known.items() for kind, count in _common(values)
    ]
    tables = (Sheet("Original files.", ("what", "kind", "files"), tuple(rows)),) if rows else ()
    number = sum(sum(values.values()) - max(values.values()) for name, values in known.items() if name in mixed)
    return Finding(
        "VG114", "files", "Files of several kinds", "worth a look" if mixed else "fine", number,
        len(used.source.labels), "files", found, effect, tables=tables,
    )  # fmt: skip


def _common(values: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))[:LISTED]


def _kinds(name: str, values: dict[str, int]) -> str:
    commonest = [f"{count:,} {shown(str(kind))}" for kind, count in _common(values)[:3]]
    rest = f" and {len(values) - 3:,} more" if len(values) > 3 else ""
    return f"{name} {', '.join(commonest)}{rest}"


def dropped(used: Used) -> Finding[int]:
    """Files that are not used because they cannot be."""
    lost = used.source.dropped
    of = len(used.source.labels) + len(lost)
    rows = tuple((shown(item.name), shown(item.why, 200)) for item in lost[:LISTED])
    more = f"; the first {LISTED} of {len(lost):,}" if len(lost) > LISTED else ""
    effect = "Nothing: no image is missing."
    if lost:
        effect = (
            "If one class, camera or site loses more than others, the rest is not what the network will meet, and no "
            "split shows it."
        )
    return Finding(
        "VG109", "dropped", "Files that could not be used", severity_of(len(lost), of), len(lost), of, "files",
        f"{len(lost):,} of {of:,} files could not be used.", effect,
        tables=(Sheet(f"Files not used, and why{more}.", ("file", "why"), rows),) if rows else (),
    )  # fmt: skip


def missing_classes(used: Used) -> Finding[int]:
    """Classes that a split has no image of: worth a look only where they are so rare that it may be chance."""
    classes = len(used.source.class_names)
    share = np.bincount(used.labels, minlength=classes) / max(1, len(used.labels))
    rows, lacking, grave = [], set(), False
    for split in used.present:
        absent = np.flatnonzero(np.bincount(used.labels[used.split == split], minlength=classes) == 0).tolist()
        lacking |= set(absent)
        chance = (1 - share[absent]) ** np.sum(used.split == split)
        grave |= bool(absent) and (split in ("train", "pool") or bool(np.any(chance < BY_CHANCE)))
        rows += [(shown(used.source.class_names[label]), split) for label in absent]
    found = f"{len(lacking):,} of {classes:,} classes have no image in a split that others have images in."
    effect = "Nothing: every split has every class."
    if lacking:
        effect = (
            "What is not in training cannot be learned, and what is not in validation or test is not measured: the gap "
            "is then the difference between accuracies on different tasks."
        )
    tables = (Sheet("Classes without an image.", ("class", "split"), tuple(rows[:CLASSES])),) if rows else ()
    return Finding(
        "VG105", "missing_classes", "Classes missing from a split", _gravity(bool(lacking), grave),
        len(lacking), classes, "classes", found, effect, tables=tables,
    )  # fmt: skip


def _gravity(lacking: bool, grave: bool) -> Severity:
    return "problem" if grave else "worth a look" if lacking else "fine"


def imbalance(used: Used) -> Finding[int]:
    """Class sizes among the images that are learned from."""
    where = used.learned if used.learned.any() else np.ones(len(used.index), np.bool_)
    sizes = np.bincount(used.labels[where], minlength=len(used.source.class_names))
    present = np.flatnonzero(sizes)
    if not len(present):
        return Finding(
            "VG113", "imbalance", "Class imbalance", "fine", 0, 0, "classes", "There are no images.", "Nothing."
        )
    largest, smallest = present[np.argmax(sizes[present])], present[np.argmin(sizes[present])]
    ratio = sizes[largest] / sizes[smallest]
    small = int(np.sum(sizes[present] * IMBALANCED < sizes[largest]))
    names = used.source.class_names
    found = (
        f"The largest class, “{shown(names[largest])}”, has {sizes[largest]:,} images to learn from, the smallest, "
        f"“{shown(names[smallest])}”, {sizes[smallest]:,}: {ratio:.1f} times as many."
    )
    effect = "Nothing: classes are about equally large."
    severity: Severity = "fine"
    if ratio > IMBALANCED:
        severity = "worth a look"
        effect = (
            "Small classes are learned worse, and plain accuracy hardly shows it: read balanced accuracy and recall by "
            "class."
        )
    return Finding("VG113", "imbalance", "Class imbalance", severity, small, len(present), "classes", found, effect)


def blank(used: Used, is_blank: NDArray[np.bool_]) -> Finding[int]:
    """Images of one colour, in which there is nothing to see."""
    count, of = int(is_blank.sum()), len(is_blank)
    texts = [
        f"{np.sum(is_blank & (used.split == name)):,} of {np.sum(used.split == name):,} {name}" for name in used.present
    ]
    effect = "Nothing: every image shows something."
    if count:
        effect = (
            "Their labels cannot be seen in them: learned by heart in training, guessed in validation, they widen the "
            "gap."
        )
    examples = tuple(Example("one colour", (int(image),)) for image in np.flatnonzero(is_blank)[:EXAMPLES])
    return Finding(
        "VG112", "blank", "Blank images", severity_of(count, of), count, of, "images",
        f"{listed(texts or ['none'])} images have one colour throughout.", effect, examples,
    )  # fmt: skip

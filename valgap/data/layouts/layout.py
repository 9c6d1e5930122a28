"""What was understood of a folder, and the names that splits go by."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from valgap.data.names import shown
from valgap.data.sources.images import Dropped
from valgap.ground.errors import SuiteError

SPLITS = {
    "train": ("train", "training", "trn", "trainset", "trainingset"),
    "val": ("val", "valid", "validation", "validate", "dev", "valset", "validset", "validationset", "devset"),
    "test": ("test", "testing", "testset", "testingset"),
}
SPLIT_WORDS = {word: split for split, words in SPLITS.items() for word in words}
BESIDE = ("set", "data", "dataset", "images", "imgs", "img", "seg", "split", "folder")  # words that say no more
MEANT = {"train": "training", "val": "validation", "test": "test"}  # what a sentence calls a split


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file that should be an image: its path below the folder read, as the system spells it, and what is said of it.

    `given` is train, val or test, or "" where no split is known.
    """

    path: str
    label: str
    given: str = ""
    group: str | None = None


@dataclasses.dataclass(frozen=True)
class Aside:
    """Files that are not read: a path below the root, how many, and why.

    `lost` names each of those that were meant to be read, or so it looks, and why it is not: images beside class
    folders, a class folder without an image, rows without a file. What is set apart on purpose has none.
    """

    path: str
    files: int
    why: str
    lost: tuple[Dropped, ...] = ()


@dataclasses.dataclass(frozen=True)
class Layout:
    """The images below `root` with their labels and splits, and what is not told by the names themselves.

    `entries` are sorted by path; a file has several where tables of several splits name it. `assumed` are sentences.
    `as_found` are the labels in the order of the disk, or of a table's rows, training's first. `tables` say the labels,
    where the folders do not. `others` counts files that are no images by their names, by suffix.
    """

    root: Path
    entries: tuple[Entry, ...]
    assumed: tuple[str, ...] = ()
    unlabelled: tuple[Aside, ...] = ()
    as_found: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    others: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def said(self) -> tuple[str, ...]:
        """What was assumed, and what is not read, in sentences."""
        aside = (
            f"Left aside: {quoted([each.path])}{f', {each.files:,} files' if each.files else ''}: {each.why}."
            for each in self.unlabelled
        )
        kinds = ", ".join(f"{suffix} ({count:,})" for suffix, count in Counter(self.others).most_common(5))
        others = (f"No images by their names, and not read: {kinds}.",) if kinds else ()
        return (*self.assumed, *aside, *others)

    @property
    def lost(self) -> tuple[Dropped, ...]:
        """What was meant to be read, or so it looks, and is not."""
        return tuple(lost for aside in self.unlabelled for lost in aside.lost)


def split_of(name: str, beside: Iterable[str] = BESIDE) -> str:
    """train, val or test where a folder's or table's name says so, in any case, with -, _, . or spaces; else "".

    Words `beside` and numbers say no more: `test1`, `val2017` and `Training Set 2` are splits too.
    """
    words = [word.rstrip("0123456789") for word in re.split(r"[-_.\s]+", name.casefold())]
    words = [word for word in words if word and word not in beside]
    return SPLIT_WORDS.get(words[0], "") if len(words) == 1 else ""


def quoted(names: Iterable[str]) -> str:
    """Names in a sentence: `a`, `b` and `c`; of more than six the first five, and how many more."""
    marked = [f"`{shown(name)}`" for name in names]
    if len(marked) > 6:
        return f"{', '.join(marked[:5])} and {len(marked) - 5:,} more"
    return " and ".join(part for part in (", ".join(marked[:-1]), *marked[-1:]) if part)


def refused(root: Path, why: str, cure: str) -> SuiteError:
    """The error of a folder that is not understood, by the key of the suite, which front ends rename."""
    return SuiteError(key="data.path", value=repr(str(root)), why=why, cure=cure)


def checked(layout: Layout) -> Layout:
    """The layout, its entries sorted. Raises SuiteError where there are less than two classes."""
    labels = sorted({entry.label for entry in layout.entries})
    if len(labels) < 2:
        raise refused(
            layout.root,
            f"it has one class only, {quoted(labels)}: there is nothing to tell apart" if labels else "it has no image",
            "give the folder that holds a folder for each class, or train, val and test folders of those",
        )
    return dataclasses.replace(layout, entries=tuple(sorted(layout.entries, key=lambda item: (item.path, item.given))))

"""What the audit tells: findings, each with its severity, its count and examples; and the images it looks at."""

import dataclasses
from collections.abc import Iterable
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.images import Images

Severity = Literal["problem", "worth a look", "unknown", "fine"]  # in the order of reading
SCHEMA = 3  # of audit.json: raise it when a name or its meaning changes
Image = TypeVar("Image")
SPLITS = ("train", "pool", "val", "test")  # what is learned from, before what is held out, in order of use
HELD_OUT = ("val", "test")
BIT = {name: 1 << place for place, name in enumerate(SPLITS)}
EARLIER = {"val": BIT["train"] | BIT["pool"], "test": BIT["train"] | BIT["pool"] | BIT["val"]}  # than a held-out split
PROBLEM_SHARE = 0.01  # of a split's images: from here on accuracy may be off by a percentage point
EXAMPLES = 8  # a finding, at most
NAME_LENGTH = 80  # characters of a name that are shown, at most


@dataclasses.dataclass(frozen=True)
class Used:
    """The images that the suite uses. Every array has one entry for each of these m images.

    `index` (m,) int64 are their places in the source's arrays, `split` (m,) one of SPLITS, `groups` None where
    unknown. Functions of this package speak of an image by its place among these m, unless they say otherwise.
    """

    source: Images
    index: NDArray[np.int64]
    split: NDArray[np.str_]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None

    @property
    def learned(self) -> NDArray[np.bool_]:
        """Which images are learned from, or drawn from for that."""
        return np.isin(self.split, ("train", "pool"))

    @property
    def bits(self) -> NDArray[np.int64]:
        """The split of each image as its value in BIT, so that masks can hold several."""
        found = np.zeros(len(self.split), np.int64)
        for name, bit in BIT.items():
            found[self.split == name] = bit
        return found

    @property
    def families(self) -> NDArray[np.int64]:
        """Which images the suite keeps on one side: (m,) groups where declared, else each by itself."""
        return np.arange(len(self.index)) if self.groups is None else self.groups

    @property
    def present(self) -> list[str]:
        """Those of SPLITS that have an image."""
        return [name for name in SPLITS if np.any(self.split == name)]


@dataclasses.dataclass(frozen=True)
class Picture:
    """A small picture of an image: PNG in base64, the image's name, class and split."""

    png: str
    name: str
    class_name: str
    split: str


@dataclasses.dataclass(frozen=True)
class Example(Generic[Image]):
    """Images to look at, and what to see in them: by their place among the used ones, or drawn."""

    caption: str
    images: tuple[Image, ...]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A table of texts with a caption."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Finding(Generic[Image]):
    """One thing that was looked at: `count` `unit` of `of` are affected; `found` and `effect` say so in words.

    `code` is VGnnn, whose meaning never changes: docs/findings/ has a page of that name.
    What could not be looked at, for want of images, is `unknown`, never fine: `found` says why, `effect` is empty.
    Words name no setting: who shows a finding adds its own cure.
    """

    code: str
    name: str
    title: str
    severity: Severity
    count: int
    of: int
    unit: str
    found: str
    effect: str
    examples: tuple[Example[Image], ...] = ()
    tables: tuple[Sheet, ...] = ()


@dataclasses.dataclass(frozen=True)
class Audit:
    """reports/audit.json: all findings on so many images of one shape, problems first."""

    schema: int
    images: int
    image_shape: tuple[int, int, int]
    findings: tuple[Finding[Picture], ...]


def use(source: Images, split_of: NDArray[np.str_]) -> Used:
    """The images whose (n,) `split_of` is not empty. Raises ValueError on a split that is none, or another length."""
    if len(split_of) != len(source.labels):
        raise ValueError(f"split_of has {len(split_of)} entries for {len(source.labels)} images")
    if unknown := sorted(set(np.unique(split_of).tolist()) - {*SPLITS, ""}):
        raise ValueError(f"split_of names {unknown}; allowed are {[*SPLITS, '']}")
    index = np.flatnonzero(split_of != "")
    groups = None if source.groups is None else source.groups[index]
    return Used(source, index, np.asarray(split_of[index]), source.labels[index], groups)


def severity_of(count: int, of: int) -> Severity:
    """By the share of images: none is fine, from PROBLEM_SHARE on it is a problem."""
    return "fine" if not count else "problem" if count >= PROBLEM_SHARE * of else "worth a look"


def shown(name: str, length: int = NAME_LENGTH) -> str:
    """A name on one line: control and invisible characters replaced, the middle of a long one left out."""
    printable = "".join(character if character.isprintable() else "�" for character in name)
    if len(printable) <= length:
        return printable
    return f"{printable[: length // 2]}…{printable[len(printable) - length // 2 + 1 :]}"


def named(used: Used, image: int) -> str:
    """The name of a used image, quoted."""
    return f"“{shown(used.source.names[used.index[image]])}”"


def listed(texts: Iterable[str]) -> str:
    """`a`; `a and b`; `a, b and c`."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last

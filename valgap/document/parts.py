"""The parts of a document, which both writers know: sections of paragraphs, terms, lists, tables, figures, pictures.

Every text follows text.py. Every figure has a text alternative for each of its panels and tables with its numbers.
"""

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of texts; the first `texts` columns are words, the others numbers. The caption names split and rule.

    It is folded where it is long, unless `folded` says. `markdown` is False for one that only the page shows.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    folded: bool | None = None
    markdown: bool = True

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(f"a row of {self.caption!r} has {len(row)} cells under {len(self.headings)} headings")


@dataclasses.dataclass(frozen=True)
class Terms:
    """Terms, each with its text."""

    pairs: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry of a list; `badge` is a word set before it, `anchor` the name of the section that its title leads to."""

    text: str
    title: str = ""
    badge: str = ""
    anchor: str = ""


@dataclasses.dataclass(frozen=True)
class Items:
    """A list."""

    entries: tuple[Item, ...]


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines to copy, shown as they are."""

    text: str
    language: str = ""


@dataclasses.dataclass(frozen=True)
class Link:
    """A line that leads to an address; the text behind it says what is there."""

    title: str
    address: str
    text: str = ""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One Altair chart without a width, a title or a legend: `alt` is its takeaway in words.

    `height` are the pixels to keep free until the page draws it.
    """

    name: str
    alt: str
    chart: Any
    title: str = ""
    height: int = 240


@dataclasses.dataclass(frozen=True)
class Figure:
    """Panels side by side where there is room, with one caption, and tables of their numbers.

    `legend` pairs a word with a look of page.css (a colour and perhaps a shape), `key` a number with a name. `picture`
    says whether the figure is also a file of its own, which Markdown shows; `columns` how many panels stand in a row.
    """

    name: str
    caption: str
    panels: tuple[Panel, ...]
    tables: tuple[Table, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    key: tuple[tuple[str, str], ...] = ()
    columns: Literal[1, 2, 3] = 3
    picture: bool = True


@dataclasses.dataclass(frozen=True)
class Picture:
    """One image to look at: a PNG in base64, empty where there is none; its name, and what is said of it."""

    png: str
    name: str
    remark: str


@dataclasses.dataclass(frozen=True)
class Example:
    """Images that belong together, and what to see in them."""

    caption: str
    pictures: tuple[Picture, ...]


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Examples to look at, which Markdown names only, or not at all where `markdown` is False."""

    examples: tuple[Example, ...]
    folded: bool = False
    markdown: bool = True


@dataclasses.dataclass(frozen=True)
class Fold:
    """Parts that unfold on a click."""

    summary: str
    parts: "tuple[Part, ...]"


@dataclasses.dataclass(frozen=True)
class Section:
    """A titled part of a document. A `badge` is a word set before the title.

    `drop` is its turn to go where Markdown must be short, 0 for never; `markdown` is False for one that only the page
    shows.
    """

    name: str
    title: str
    parts: "tuple[Part, ...]"
    badge: str = ""
    drop: int = 0
    markdown: bool = True


Part = str | Terms | Items | Code | Link | Table | Figure | Gallery | Fold | Section


@dataclasses.dataclass(frozen=True)
class Document:
    """A whole document: its title, a line over it, what stands first, and its sections.

    `contents` says whether the page lists the sections; `footer` stands at its end.
    """

    title: str
    kicker: str
    lead: tuple[Part, ...]
    sections: tuple[Section, ...]
    contents: bool = False
    footer: str = "This file loads nothing from anywhere."

"""The parts of report.html: sections of figures, panels and tables, as plain text that the template escapes.

Every figure has a text alternative for each of its panels and a table with the same numbers.
"""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from valgap.document.palette import themed

BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")  # what a data URI of a picture may hold
FOR_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of texts; the first `texts` columns are words, the others numbers. The caption names split and rule."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(f"a row of {self.caption!r} has {len(row)} cells under {len(self.headings)} headings")


@dataclasses.dataclass(frozen=True)
class Panel:
    """One chart: `alt` is its takeaway in words, `height` the pixels to keep free until it is drawn."""

    name: str
    alt: str
    spec: Markup
    title: str = ""
    height: int = 240


@dataclasses.dataclass(frozen=True)
class Figure:
    """Panels side by side where there is room, with one caption. `legend` pairs a word with a CSS class."""

    caption: str
    panels: tuple[Panel, ...]
    tables: tuple[Table, ...]
    legend: tuple[tuple[str, str], ...] = ()
    key: tuple[tuple[str, str], ...] = ()
    layout: str = "three"  # panels a row at most: one, two or three


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the page: paragraphs, terms with their explanations, figures, then tables by themselves."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()


def panel(name: str, chart: Any, text: str, title: str = "", height: int = 240) -> Panel:
    """A panel of an Altair chart, as wide as its column, in the page's colours."""
    specification = chart.properties(width="container", autosize={"type": "fit-x", "contains": "padding"}).to_dict()
    del specification["$schema"], specification["config"]  # page.js passes the mode and the page's own
    return Panel(name, text, script_json(themed(specification)), title, height)


def script_json(content: Any) -> Markup:
    """JSON that is inert inside a script element, whatever its strings hold. Raises ValueError on NaN."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character, replacement in FOR_SCRIPT.items():
        text = text.replace(character, replacement)
    return Markup(text)


def marked(text: str) -> Markup:
    """Escaped text, with `code` in backticks as a code element."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def html_template(path: Path) -> jinja2.Template:
    """An HTML template, in which every text is escaped, a missing one is an error, and `marked` is a filter."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["marked"] = marked
    return environment.get_template(path.name)


def chart_config() -> dict[str, Any]:
    """Vega's configuration of all of the page's charts. CSS variables make it fit light, dark and print."""
    axis = {
        "labelColor": "var(--ink)", "titleColor": "var(--ink)", "gridColor": "var(--band)",
        "domainColor": "var(--grey)",
        "tickColor": "var(--grey)", "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
    }  # fmt: skip
    return {
        "background": None, "aria": False, "font": "system-ui, sans-serif", "axis": axis,
        "view": {"stroke": None}, "text": {"color": "var(--ink)"},
    }  # fmt: skip

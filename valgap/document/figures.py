"""Figures as files of their own, SVG and PNG, from the same panels that the page draws. Imports Altair when called."""

from pathlib import Path
from typing import Any

from valgap.document import palette
from valgap.document.parts import Document, Figure, Fold, Part, Section

PNG_SCALE = 1.5
WIDTHS = {1: 560, 2: 320, 3: 230}  # pixels of a panel, by panels a row
MARGIN = 60  # pixels beside the panels, for their axes
CHARACTER = 6  # pixels of one in a caption, about
ROOM = {"left": 36, "top": 5, "right": 5, "bottom": 5}  # pixels around: a reader's sans-serif may be wider than ours
LEGEND = 640  # pixels of a legend's line, where its words allow it
COLOURS = {
    "ink": palette.INK,
    "blue": palette.BLUE,
    "vermilion": palette.VERMILION,
    "orange": palette.ORANGE,
    "green": palette.GREEN,
    "pink": palette.PINK,
    "sky": palette.SKY,
    "grey": palette.GREY,
    "band": palette.BAND,
}
SHAPES = {"": "circle", "square": "square", "diamond": "diamond", "triangle": "triangle-up"}


def figures(document: Document) -> list[Figure]:
    """The figures of a document that are files too, in their order."""
    return [figure for figure in _figures([*document.lead, *document.sections]) if figure.picture]


def _figures(parts: tuple[Part, ...] | list[Part]) -> list[Figure]:
    found: list[Figure] = []
    for part in parts:
        if isinstance(part, Figure):
            found.append(part)
        elif isinstance(part, Section | Fold):
            found += _figures(part.parts)
    return found


def save(document: Document, folder: Path) -> None:
    """Write `<name>.svg` and `<name>.png` of every figure below `folder`, an existing one."""
    for figure in figures(document):
        drawn = chart(figure).configure(background="white", padding=ROOM)  # legible on dark pages too
        drawn.save(folder / f"{figure.name}.svg")
        drawn.save(folder / f"{figure.name}.png", scale_factor=PNG_SCALE)


def chart(figure: Figure) -> Any:
    """All panels of a figure as one Altair chart, with its caption as title, its legend and its key."""
    import altair as alt

    panels = [
        panel.chart.properties(width=WIDTHS[figure.columns], **({"title": panel.title} if panel.title else {}))
        for panel in figure.panels
    ]
    rows: list[Any] = [alt.concat(*panels, columns=figure.columns).resolve_scale(color="independent")]
    if figure.legend:
        rows.insert(0, _legend(figure.legend))
    whole = alt.vconcat(*rows, spacing=4) if len(rows) > 1 else rows[0]
    if figure.key:
        whole = alt.hconcat(whole, _key(figure.key))
    width = WIDTHS[figure.columns] * min(figure.columns, len(panels)) + MARGIN
    lines = _lines(figure.caption.replace("`", ""), width // CHARACTER)
    return whole.properties(title=alt.TitleParams(lines, anchor="start", fontWeight="normal", fontSize=13))


def _legend(entries: tuple[tuple[str, str], ...]) -> Any:
    """Marks with their words, in lines of LEGEND pixels."""
    import altair as alt
    import pandas as pd

    looks = [[*look.split(), ""][:2] for _, look in entries]
    places = _places([8 * len(word) + 30 for word, _ in entries])
    rows = pd.DataFrame(
        {
            "word": [word for word, _ in entries],
            "x": [x + 8 for x, _, _ in places],
            "line": [line for _, line, _ in places],
            "colour": [COLOURS[colour] for colour, _ in looks],
            "shape": [SHAPES[shape] for _, shape in looks],
        }
    )
    width, lines = max(end for _, _, end in places), places[-1][1] + 1
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False))
    base = alt.Chart(rows).encode(x=x, y=alt.Y("line:O", axis=None, scale=alt.Scale(domain=[*range(lines)])))
    marks = base.mark_point(filled=True, size=60, opacity=1).encode(
        color=alt.Color("colour:N", scale=None, legend=None), shape=alt.Shape("shape:N", scale=None, legend=None)
    )
    text = base.mark_text(align="left", dx=10, fontSize=12).encode(text="word:N")
    return (marks + text).properties(width=width, height=18 * lines, view=alt.ViewConfig(stroke=None))


def _places(lengths: list[int]) -> list[tuple[int, int, int]]:
    """(start, line, end) of words of these pixels, each on the line before it as far as there is room."""
    places: list[tuple[int, int, int]] = []
    for length in lengths:
        _, line, end = places[-1] if places else (0, 0, 0)
        start, line = (end, line) if not end or end + length <= LEGEND else (0, line + 1)
        places.append((start, line, start + length))
    return places


def _key(entries: tuple[tuple[str, str], ...], rows_each: int = 20) -> Any:
    """Numbers with their names, in columns."""
    import altair as alt
    import pandas as pd

    rows = pd.DataFrame(
        {
            "name": [f"{number}  {name}" for number, name in entries],
            "row": [place % rows_each for place in range(len(entries))],
            "column": [place // rows_each for place in range(len(entries))],
        }
    )
    columns = 1 + (len(entries) - 1) // rows_each
    return (
        alt.Chart(rows)
        .mark_text(align="left", fontSize=11)
        .encode(
            x=alt.X("column:Q", axis=None, scale=alt.Scale(domain=[0, columns])),
            y=alt.Y("row:O", axis=None),
            text="name:N",
        )
        .properties(width=170 * columns, height=alt.Step(18), view=alt.ViewConfig(stroke=None))
    )


def _lines(text: str, length: int) -> list[str]:
    """The text in lines of at most `length` characters, where words allow it."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= length and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines

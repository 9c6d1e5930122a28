"""The picture of the first screen: the test error of the baseline as bars, a colour for each cause."""

import itertools
from collections.abc import Sequence

import pandas as pd

from valgap.document.numbers import PP, SHARE
from valgap.document.parts import Figure, Panel, Table
from valgap.report.charts import bars
from valgap.report.inputs import Inputs
from valgap.report.shortfall import Piece, Shortfall, gap_apart, shortfall
from valgap.report.words import sentence

HOW = {
    "share": "share of what removing all of them together gains (Shapley)",
    "removed": "removed alone",
    "in turn": "removed once those before it are",
    "doubled": "trend over sizes, measured alone",
    "gap": "part of the gap, which stands apart",
}


def picture(inputs: Inputs) -> Figure:
    """Who has what part of the error, what is not explained in grey; a doubling and the parts of the gap apart."""
    found, apart = shortfall(inputs), gap_apart(inputs)
    axis = f"percentage points of {inputs.metric}"
    panels, legend = [_parts(inputs, found, axis)], _legend(found)
    if found.beside:
        rows, title = _rows(found.beside, [bars.ALONE]), "Measured alone: it may overlap with the parts above"
        alt = sentence("doubling_alt", gain=found.beside[0])
        panels.append(_panel("doubling", alt, rows, axis, title, 100 * found.error))
        legend += [(_said(piece), bars.ALONE) for piece in found.beside]
    if apart:
        colours = [bars.LEARNT, bars.SPLIT]
        alt, title = sentence("gap_alt", gap=inputs.verdict.gap), f"The gap: {PP(inputs.verdict.gap.train_val.mean)}"
        panels.append(_panel("gap-parts", alt, _rows(apart, colours), "percentage points of accuracy", title, 0.0))
        legend += zip(map(_said, apart), colours, strict=True)
    caption = sentence("shortfall_figure", whole=found.is_whole, pieces=len(found.pieces), apart=bool(apart))
    return Figure("shortfall", caption, tuple(panels), (_table(inputs, found, apart),), tuple(legend), columns=1)


def _parts(inputs: Inputs, found: Shortfall, axis: str) -> Panel:
    """The error itself: one bar of parts that add up, else a bar for each."""
    rows = _rows([*found.pieces, Piece("rest", "rest", found.rest)], [*_colours(found), bars.REST])
    alt = sentence(
        "shortfall_alt", error=found.error, pieces=[_said(piece) for piece in found.pieces], rest=_rest(found)
    )
    name = "Error of the baseline on test images" if inputs.verdict.metric == "accuracy" else f"100% − {inputs.metric}"
    title, error = f"{name}: {PP(found.error)}", 100 * found.error
    if not found.is_whole:
        return _panel("shortfall", alt, rows, axis, title, error)
    return Panel("shortfall", alt, bars.stacked(rows, axis, error), title, bars.height(1))


def _panel(name: str, alt: str, rows: pd.DataFrame, axis: str, title: str, whole: float) -> Panel:
    return Panel(name, alt, bars.one_below_another(rows, axis, whole), title, bars.height(len(rows)))


def _rows(pieces: Sequence[Piece], colours: Sequence[str]) -> pd.DataFrame:
    """title (numbered, so that none is there twice), colour, mean, low, high in pp: a row a piece."""
    return pd.DataFrame(
        [
            (f"{place} {piece.title}", colour, 100 * piece.mean, 100 * piece.low, 100 * piece.high)
            for place, (piece, colour) in enumerate(zip(pieces, colours, strict=True))
        ],
        columns=["title", "colour", "mean", "low", "high"],
    )


def _colours(found: Shortfall) -> list[str]:
    return [*itertools.islice(itertools.cycle(bars.CAUSES), len(found.pieces))]


def _legend(found: Shortfall) -> list[tuple[str, str]]:
    pieces = zip(map(_said, found.pieces), _colours(found), strict=True)
    return [*pieces, (_rest(found), bars.REST)]


def _said(piece: Piece) -> str:
    return f"{piece.title}, {PP.estimate(piece)}"


def _rest(found: Shortfall) -> str:
    return sentence("rest", rest=found.rest, whole=found.is_whole)


def _table(inputs: Inputs, found: Shortfall, apart: Sequence[Piece]) -> Table:
    def listed(pieces: Sequence[Piece]) -> list[tuple[str, str, str]]:
        return [(piece.title, HOW[piece.how], SHARE.estimate(piece)) for piece in pieces]

    rest = "not explained by what was tested" if found.is_whole else "left if these add up"
    whole = [(rest, "what remains", SHARE(found.rest)), ("error in all", "100% − score", SHARE(found.error))]
    rows = [*listed(found.pieces), *whole, *listed(found.beside), *listed(apart)]
    caption = sentence("shortfall_table", metric=inputs.metric, replicates=inputs.verdict.replicates)
    return Table(caption, ("part", "measured", "pp"), tuple(rows), texts=2)

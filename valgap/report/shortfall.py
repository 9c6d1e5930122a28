"""The picture of the first screen: the shortfall of the baseline, and who has what part of it."""

import dataclasses
import itertools
import math

import pandas as pd

from valgap.document.numbers import PP, SHARE, is_unknown
from valgap.document.parts import Figure, Panel, Table
from valgap.report.charts import bars
from valgap.report.inputs import PRICED, Inputs
from valgap.report.words import sentence
from valgap.stats.verdict import CauseEffect, SplitEffect

MEASURED = ("contributes", "contributes a little")


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of the error in fractions, with its limits; `how` it was measured."""

    title: str
    how: str
    mean: float
    low: float = math.nan
    high: float = math.nan


@dataclasses.dataclass(frozen=True)
class Shortfall:
    """The test error of the baseline, 1 - score: the `pieces` of causes, and what is left.

    `is_whole` says that pieces add up to what removing all of them gains, as shares do, and effects where each was
    measured once those before it are removed; else each was measured alone, and they may overlap. `rest` is what no
    tested cause explains; where pieces may overlap, what is left if they add up.
    """

    error: float
    pieces: tuple[Piece, ...]
    is_whole: bool
    rest: float


def shortfall(inputs: Inputs) -> Shortfall:
    """Who has what part of the error: by shares where causes were removed together, else by effects."""
    if (shares := inputs.verdict.shares) and all(share.mean >= 0 for share in shares.shares.values()):
        parts = shares.shares.items()
        pieces = [Piece(inputs.title(name), "share", each.mean, each.low, each.high) for name, each in parts]
        return Shortfall(shares.total.mean + shares.rest, _largest_first(pieces), True, shares.rest)
    effects = [entry for entry in inputs.verdict.causes if isinstance(entry, CauseEffect) and entry.verdict in MEASURED]
    pieces = [*filter(lambda piece: piece.mean > 0, map(_effect, effects)), *_doubling(inputs)]
    in_turn = sorted(len(effect.given) for effect in effects) == [*range(len(effects))] == [*range(len(pieces))]
    error = 1 - inputs.verdict.score
    rest = max(0.0, error - sum(piece.mean for piece in pieces))
    return Shortfall(error, _largest_first(pieces), in_turn or len(pieces) < 2, rest)


def _effect(entry: CauseEffect) -> Piece:
    """What removing a cause gains: once those before it are removed where that was measured."""
    found = entry.after or entry
    return Piece(entry.title, "in turn" if entry.after else "removed", found.mean, found.low, found.high)


def _largest_first(pieces: list[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted(pieces, key=lambda piece: -piece.mean))


def _doubling(inputs: Inputs) -> list[Piece]:
    """What one doubling of the images takes of the error, where it takes any."""
    data = inputs.verdict.data
    if not data or not data.per_doubling.low > 0:
        return []
    gain = data.per_doubling
    return [Piece(f"{PRICED.title}: one doubling", "doubled", gain.mean, gain.low, gain.high)]


def picture(inputs: Inputs) -> Figure:
    """The error as bars, a colour for each cause, what is not explained in grey; the parts of the gap apart."""
    found = shortfall(inputs)
    rows = _rows(found)
    draw, error = (bars.stacked if found.is_whole else bars.one_below_another), 100 * found.error
    axis, sizes = f"percentage points of {inputs.metric}", [_said(piece) for piece in found.pieces]
    rest = sentence("rest", rest=found.rest, whole=found.is_whole, pieces=len(sizes))
    alt = sentence("shortfall_alt", error=found.error, pieces=sizes, rest=rest)
    panels = [
        Panel(
            "shortfall",
            alt,
            draw(rows, axis, error),
            f"Error of the baseline on test images: {PP(found.error)}" if inputs.verdict.metric == "accuracy" else
            f"100% − {inputs.metric}: {PP(found.error)}",
            bars.height(rows, found.is_whole),
        )
    ]  # fmt: skip
    names = [*sizes, rest]
    legend = [(name, colour) for name, colour in zip(names, rows.colour, strict=True)]
    if found.pieces and found.pieces[0].how == "share" and (doubling := _doubling(inputs)):
        panels.append(_alone(doubling[0], axis, error))
        legend.append((_said(doubling[0]), bars.ALONE))
    gap = _gap(inputs)
    if gap:
        panel, entries = gap
        panels.append(panel)
        legend += entries
    caption = sentence("shortfall_figure", whole=found.is_whole, pieces=len(found.pieces), apart=bool(gap))
    return Figure("shortfall", caption, tuple(panels), (_table(inputs, found),), tuple(legend), columns=1)


def _rows(found: Shortfall) -> pd.DataFrame:
    """title, colour, mean, low, high in pp: a row a piece, and the rest."""
    named = [*found.pieces, Piece("rest", "rest", found.rest)]
    colours = [*itertools.islice(itertools.cycle(bars.CAUSES), len(found.pieces)), bars.REST]
    return pd.DataFrame(
        [
            (f"{place} {piece.title}", colour, 100 * piece.mean, 100 * piece.low, 100 * piece.high)
            for place, (piece, colour) in enumerate(zip(named, colours, strict=True))
        ],
        columns=["title", "colour", "mean", "low", "high"],
    )


def _said(piece: Piece) -> str:
    return f"{piece.title}, {PP.estimate(piece)}"


def _alone(doubling: Piece, axis: str, error: float) -> Panel:
    """A bar of its own for a doubling of the images, where the others are shares of what was removed together."""
    limits = (100 * doubling.mean, 100 * doubling.low, 100 * doubling.high)
    rows = pd.DataFrame([(doubling.title, bars.ALONE, *limits)], columns=["title", "colour", "mean", "low", "high"])
    chart = bars.one_below_another(rows, axis, error)
    title = "Measured alone: it may overlap with the parts above"
    alt = sentence("doubling_alt", gain=doubling)
    return Panel("doubling", alt, chart, title, bars.height(rows, is_stacked=True))


def _gap(inputs: Inputs) -> tuple[Panel, list[tuple[str, str]]] | None:
    """The two parts of the gap, where the split was given: what is learnt by heart, and the split's own."""
    gap = inputs.verdict.gap
    if not any(isinstance(entry, SplitEffect) for entry in inputs.verdict.causes) or is_unknown(gap.test_val.mean):
        return None
    parts = (("training − test accuracy", bars.LEARNT, gap.train_test), ("test − validation", bars.SPLIT, gap.test_val))
    rows = pd.DataFrame(
        [(title, colour, 100 * each.mean, 100 * each.low, 100 * each.high) for title, colour, each in parts],
        columns=["title", "colour", "mean", "low", "high"],
    )
    legend = [
        (f"{title}{', the part of the split' if colour == bars.SPLIT else ''}, {PP.estimate(each)}", colour)
        for title, colour, each in parts
    ]
    alt = sentence("gap_alt", gap=gap)
    chart = bars.one_below_another(rows, "percentage points of accuracy", 0.0)
    title = f"The gap apart: {PP(gap.train_val.mean)}"
    return Panel("gap-parts", alt, chart, title, bars.height(rows, is_stacked=False)), legend


HOW = {
    "share": "share of what removing all of them together gains (Shapley)",
    "removed": "removed alone",
    "in turn": "removed once those before it are",
    "doubled": "trend over sizes, measured alone",
}


def _table(inputs: Inputs, found: Shortfall) -> Table:
    rows = [(piece.title, HOW[piece.how], SHARE.estimate(piece)) for piece in found.pieces]
    rest = "not explained by what was tested" if found.is_whole else "left if these add up"
    rows += [(rest, "what remains", SHARE(found.rest)), ("error in all", "100% − score", SHARE(found.error))]
    caption = sentence("shortfall_table", metric=inputs.metric, replicates=inputs.verdict.replicates)
    return Table(caption, ("part", "measured", "pp"), tuple(rows), texts=2)

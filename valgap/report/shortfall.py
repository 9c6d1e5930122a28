"""The shortfall of the baseline, and who has what part of it."""

import dataclasses
import math
from typing import Literal

from valgap.document.numbers import is_unknown
from valgap.report.inputs import PRICED, Inputs
from valgap.stats.verdict import CauseEffect, SplitEffect
from valgap.stats.words import HELPS


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of the error in fractions, with its limits; `how` it was measured."""

    title: str
    how: Literal["share", "removed", "in turn", "doubled", "rest", "gap"]
    mean: float
    low: float = math.nan
    high: float = math.nan


@dataclasses.dataclass(frozen=True)
class Shortfall:
    """The test error of the baseline, 1 - score: the `pieces` of causes, and what is left.

    `is_whole` says that pieces add up to what removing all of them gains, as shares do, and effects where each was
    measured once those before it are removed; else each was measured alone, and they may overlap. `rest` is what no
    tested cause explains; where pieces may overlap, what is left if they add up. `beside` was measured alone, and is no
    part of the others' sum.
    """

    error: float
    pieces: tuple[Piece, ...]
    is_whole: bool
    rest: float
    beside: tuple[Piece, ...] = ()


def shortfall(inputs: Inputs) -> Shortfall:
    """Who has what part of the error: by shares where causes were removed together, else by effects."""
    if (shares := inputs.verdict.shares) and all(share.mean >= 0 for share in shares.shares.values()):
        parts = shares.shares.items()
        pieces = [Piece(inputs.title(name), "share", each.mean, each.low, each.high) for name, each in parts]
        error = shares.total.mean + shares.rest
        return Shortfall(error, _largest_first(pieces), True, shares.rest, tuple(_doubling(inputs)))
    effects = [entry for entry in inputs.verdict.causes if isinstance(entry, CauseEffect) and entry.verdict in HELPS]
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


def gap_apart(inputs: Inputs) -> tuple[Piece, ...]:
    """The two parts of the gap, where the split was given: to test images, and the split's own."""
    gap = inputs.verdict.gap
    if not any(isinstance(entry, SplitEffect) for entry in inputs.verdict.causes) or is_unknown(gap.test_val.mean):
        return ()
    parts = {"training − test accuracy": gap.train_test, "test − validation accuracy, the split's part": gap.test_val}
    return tuple(Piece(title, "gap", each.mean, each.low, each.high) for title, each in parts.items())

"""The text of params.yaml: what differs from the defaults, what DVC reads, a comment on each choice. Pure functions."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from valgap.data.names import shown
from valgap.ground.params.experiment import Data, Model, Train
from valgap.ground.params.schema import on_one_line
from valgap.ground.params.split import Split
from valgap.ground.records import Plain
from valgap.init.arms import Arm, causes

LINES = 39  # of the file, at most
KEPT = ("path", "blocks", "exploratory_blocks", "files", "builder")  # keys that DVC reads, or that are looked for first
COLUMN = 60  # up to which comments stand below one another
KINDS_OF = {"data": Data, "split": Split, "model": Model, "train": Train}  # what a block is parsed into
EMPTY = "{}"


@dataclasses.dataclass(frozen=True)
class Line:
    """A key with its value, and why."""

    key: str
    value: Any
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Draft:
    """What is written: sentences of what was found, blocks with their keys, and the arms with the baseline's steps."""

    found: tuple[str, ...]
    data: tuple[Line, ...]
    split: Line
    model: Line
    train: tuple[Line, ...]
    arms: tuple[Arm, ...]
    steps: int
    unequal: bool

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join([*map(_comment, self.found), *self._blocks(), *self._variants(), *self._rest()]) + "\n"

    @property
    def raw(self) -> Plain:
        """The file's content."""
        content: Plain = yaml.safe_load(self.text)
        return content

    def _blocks(self) -> Iterable[str]:
        yield from _block("data", self.data)
        yield f"split:{_after(self.split.why)}"
        yield f"  {on_one_line(_differing('split', self.split.value))}"
        yield _said(Line("model", _differing("model", self.model.value), self.model.why))
        yield from _block("train", self.train, "the baseline: Adam at 0.001, unless you write your own recipe here")

    def _variants(self) -> Iterable[str]:
        yield "variants:  # each differs from `train` in one thing, and is trained on the same draws; what it asks:"
        lines = [Line("baseline", {}), *(Line(arm.name, arm.variant(self.steps), arm.asks) for arm in self.arms)]
        yield from _indented(lines)

    def _rest(self) -> Iterable[str]:
        yield f"exploratory: {EMPTY}"
        yield f"extra: {EMPTY}"
        declared = causes(self.arms)
        yield (
            "causes:  # which variants take a cause out, its opposite out, or put it in"
            if declared
            else f"causes: {EMPTY}"
        )
        yield from _indented([Line(cause, kinds) for cause, kinds in declared.items()])
        yield f"diagnosis: {EMPTY}"
        if self.unequal:
            yield _said(Line("review", {"primary": "test_balanced_accuracy"}, "classes are unequal: each counts alike"))


def room_for_arms(draft: Draft) -> int:
    """How many arms fit into a file of LINES, where `draft` declares every cause that may be."""
    return LINES - len(draft.text.splitlines()) + len(draft.arms)


def numbers(values: Mapping[str, int]) -> str:
    """Counts in a sentence: 3,068 train, 341 val."""
    return ", ".join(f"{count:,} {name}" for name, count in values.items() if count)


def _differing(block: str, values: Mapping[str, Any]) -> Plain:
    """The keys of a block that differ from their defaults, and those of KEPT."""
    fields: Mapping[str, Any] = KINDS_OF[block].__dataclass_fields__  # type: ignore[attr-defined]
    return {key: value for key, value in values.items() if key in KEPT or _plain(fields[key].default) != value}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else getattr(value, "said", value)


def _block(name: str, lines: Sequence[Line], why: str = "") -> Iterable[str]:
    kept = _differing(name, {line.key: line.value for line in lines})
    yield f"{name}:{_after(why)}"
    yield from _indented([line for line in lines if line.key in kept])


def _indented(lines: Sequence[Line]) -> Iterable[str]:
    """Lines of a block, their comments below one another as far as they are short."""
    said = [f"  {line.key}: {on_one_line(line.value)}" for line in lines]
    width = max((len(text) for text in said if len(text) <= COLUMN), default=0)
    for text, line in zip(said, lines, strict=True):
        yield text.ljust(width) + _after(line.why) if line.why else text


def _said(line: Line) -> str:
    return f"{line.key}: {on_one_line(line.value)}{_after(line.why)}"


def _after(why: str) -> str:
    return f"  # {' '.join(why.split())}" if why else ""


def _comment(text: str) -> str:
    return f"# {shown(' '.join(text.split()))}"

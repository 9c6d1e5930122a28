"""What the fields of params.yaml are made of: numbers in their ranges, names, and knobs.

A knob is a field of `Train`, or of the `Augmentation` within it, whose default does nothing. It says itself how it is
shown that it acts (a proof of valgap/models/bites.py), and which transform of images it applies.
"""

import dataclasses
import keyword
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import Field

from valgap.ground.naming import alike, shortened, spelt, trouble
from valgap.ground.params.schema import ParamsError
from valgap.ground.records import Plain

Natural = Annotated[int, Field(ge=0, le=10**9)]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Size = Positive | Annotated[float, Field(gt=0, lt=1)] | Literal["all"]
NonNegative = Annotated[float, Field(ge=0)]
SHOWS, CHOICE, TRANSFORM = "shows", "choice", "transform"  # of a knob's metadata


def check_name(where: str, name: object) -> None:
    """Raise ParamsError when `name` is no identifier, or in trouble: DVC splits keys on dots, names become files'."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ParamsError(
            f"params.yaml: {where} is not a valid name: letters, digits and underscores, not starting with a digit"
        )
    if why := trouble(name):
        raise ParamsError(f"params.yaml: {shortened(where)} {why}: choose another name")


def refuse_alike(where: str, names: Collection[str]) -> None:
    """Raise ParamsError on names that people, or file systems, may take for each other."""
    if found := alike(names):
        pairs = ", ".join(" and ".join(map(spelt, group)) for group in found)
        raise ParamsError(f"params.yaml: names of {where} that look alike: {pairs}; choose others")


def knob(neutral: Any, *, shows: str | None = None, choice: bool = False, transform: str | None = None) -> Any:
    """A field whose default, `neutral`, does nothing.

    `shows` names the proof that it changes the network; None for a knob that acts outside the network. A `choice` is
    between things of which each is one's own: a baseline that departs from the default need not show it. `transform`
    is what the knob does to training images, as data.allowed_transforms calls it.
    """
    metadata = {SHOWS: shows, CHOICE: choice, TRANSFORM: transform}
    return dataclasses.field(default=neutral, metadata={name: said for name, said in metadata.items() if said})


def proofs(kind: Any) -> dict[str, str]:
    """Names of the proofs of the knobs of `kind` that change the network, by field."""
    return {field.name: field.metadata[SHOWS] for field in dataclasses.fields(kind) if SHOWS in field.metadata}


def neutral(kind: Any) -> Plain:
    """What does nothing, of the knobs of `kind` that change the network and are no choice, by field."""
    shown = [field for field in dataclasses.fields(kind) if SHOWS in field.metadata]
    return {field.name: field.default for field in shown if CHOICE not in field.metadata}


def transforms(*kinds: Any) -> dict[str, tuple[str, ...]]:
    """The fields of `kinds` that apply each transform, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for field in (field for kind in kinds for field in dataclasses.fields(kind) if TRANSFORM in field.metadata):
        found[field.metadata[TRANSFORM]] = (*found.get(field.metadata[TRANSFORM], ()), field.name)
    return found

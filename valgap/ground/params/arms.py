"""Block `causes` of params.yaml: which variants intervene on which suspected cause."""

import dataclasses
from collections.abc import Collection

from pydantic.dataclasses import dataclass

from valgap.ground.params.causes import CAUSES
from valgap.ground.params.schema import STRICT, ParamsError, parse
from valgap.ground.records import Plain

KINDS = ("removes", "opposes", "injects", "remedies")  # of arms


@dataclass(frozen=True, config=STRICT)
class Arms:
    """The variants that intervene on one cause.

    `removes` take the cause out of the baseline; `opposes` take out its opposite, where it has one: a wider network
    where the cause is excess capacity. `injects` put it in. All are compared with the baseline, `remedies` with the
    first of `injects`. `strengths` lists, by name of a treatment, its variants from weak to strong.
    """

    removes: tuple[str, ...] = ()
    opposes: tuple[str, ...] = ()
    injects: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    strengths: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def kind(self, variant: str) -> str | None:
        """`removes`, `opposes`, `injects` or `remedies`, whichever lists the variant."""
        return next((kind for kind in KINDS if variant in getattr(self, kind)), None)


def read_causes(raw: Plain, variants: Collection[str]) -> dict[str, Arms]:
    """The causes in the order of the report. Raises ParamsError on an unknown cause or variant, by name."""
    for name in raw:
        if name not in CAUSES:
            raise ParamsError(f"params.yaml: causes.{name} is not a known cause (allowed: {', '.join(CAUSES)})")
    causes = {name: parse(Arms, raw[name], f"causes.{name}") for name in CAUSES if name in raw}
    listed: dict[str, str] = {}
    for name, cause in causes.items():
        arms = [arm for kind in KINDS for arm in getattr(cause, kind)]
        of_strengths = [arm for strengths in cause.strengths.values() for arm in strengths]
        for variant in [*arms, *of_strengths]:
            if variant not in variants:
                raise ParamsError(
                    f"params.yaml: causes.{name} names {variant!r}, which is not a variant besides the baseline "
                    f"(declared: {', '.join(variants)})"
                )
        for variant in arms:
            if variant in listed:
                raise ParamsError(
                    f"params.yaml: {variant} is listed under causes.{listed[variant]} and causes.{name}, or twice: "
                    "a variant intervenes on one cause, in one way"
                )
            listed[variant] = name
        if cause.opposes and CAUSES[name].opposite is None:
            raise ParamsError(
                f"params.yaml: causes.{name}.opposes = {list(cause.opposes)}, but {CAUSES[name].title} has no "
                f"opposite: list them under removes (causes with one: {', '.join(_with_opposite())})"
            )
        if cause.remedies and not cause.injects:
            raise ParamsError(
                f"params.yaml: causes.{name}.remedies are compared with the first of its injects; it has none"
            )
    return causes


def _with_opposite() -> list[str]:
    return [cause.name for cause in CAUSES.values() if cause.opposite]

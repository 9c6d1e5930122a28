"""Block `causes` of params.yaml: which variants intervene on which suspected cause."""

import dataclasses
from collections.abc import Collection

from pydantic.dataclasses import dataclass

from valgap.ground.params.causes import CAUSES
from valgap.ground.params.schema import STRICT, ParamsError, parse
from valgap.ground.records import Plain


@dataclass(frozen=True, config=STRICT)
class Arms:
    """The variants that intervene on one cause.

    `removes` and `injects` are compared with the baseline, `remedies` with `primary`, which then injects.
    `strengths` lists, by name of a treatment, its variants from weak to strong.
    """

    primary: str | None = None
    removes: tuple[str, ...] = ()
    injects: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    strengths: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def kind(self, variant: str) -> str | None:
        """`removes`, `injects` or `remedies`, whichever lists the variant."""
        kinds = (kind for kind in ("removes", "injects", "remedies") if variant in getattr(self, kind))
        return next(kinds, None)


def read_causes(raw: Plain, variants: Collection[str]) -> dict[str, Arms]:
    """The causes in the order of the report. Raises ParamsError on an unknown cause or variant, by name."""
    for name in raw:
        if name not in CAUSES:
            raise ParamsError(f"params.yaml: causes.{name} is not a known cause (allowed: {', '.join(CAUSES)})")
    causes = {name: parse(Arms, raw[name], f"causes.{name}") for name in CAUSES if name in raw}
    listed: dict[str, str] = {}
    for name, cause in causes.items():
        arms = [*cause.removes, *cause.injects, *cause.remedies]
        of_strengths = [arm for strengths in cause.strengths.values() for arm in strengths]
        for variant in [*arms, *of_strengths, *([cause.primary] if cause.primary else [])]:
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
        if cause.primary and cause.kind(cause.primary) not in ("removes", "injects"):
            raise ParamsError(
                f"params.yaml: causes.{name}.primary = {cause.primary!r} is not among its removes or injects"
            )
        if cause.remedies and (not cause.primary or cause.kind(cause.primary) != "injects"):
            raise ParamsError(
                f"params.yaml: causes.{name}.remedies are compared with a primary that injects the cause; it has none"
            )
    return causes

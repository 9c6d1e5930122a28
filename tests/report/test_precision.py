"""What half precision costs is said of arms that differ by it alone."""

import dataclasses
from typing import Any

import pytest

from tests.report.page_sample import sample
from valgap.report.effects import effects
from valgap.report.inputs import Inputs


def in_half(mean: float, low: float, high: float, **diff: Any) -> Inputs:
    """A report whose arm `dropout` computes in half precision, with an effect on accuracy in fractions."""
    inputs = sample(judged=False, remedy=None)
    known = inputs.provenance.variants
    half = dataclasses.replace(known["dropout"], diff={"precision": "mixed_bfloat16"} | diff)
    table = inputs.tables["contrasts"]
    table.loc[(table.variant == "dropout") & (table.metric == "accuracy"), ["mean", "low", "high"]] = mean, low, high
    return dataclasses.replace(
        inputs, provenance=dataclasses.replace(inputs.provenance, variants=known | {"dropout": half})
    )


def said(inputs: Inputs) -> str:
    return "\n".join(part for part in effects(inputs).parts if isinstance(part, str) and "computes in" in part)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ((-0.001, -0.004, 0.002), "It costs less than the margin of 1.0 pp, at most 0.4 pp."),
        ((0.004, 0.001, 0.007), "It costs less than the margin of 1.0 pp."),
        ((-0.006, -0.014, 0.002), "That it costs less than the margin of 1.0 pp is not shown."),
        ((-0.006, float("nan"), float("nan")), "One replicate has no interval."),
    ],
)
def test_the_sentence_follows_from_the_interval(limits: tuple[float, float, float], sentence: str) -> None:
    text = said(in_half(*limits))
    assert text.startswith("`dropout` computes in `mixed_bfloat16`: test accuracy ")
    assert text.endswith(sentence)


def test_nothing_is_said_of_arms_that_differ_by_more_or_by_something_else() -> None:
    assert said(in_half(0, -0.004, 0.002, dropout=[0.1, 0.1, 0.1])) == ""
    assert said(sample()) == ""

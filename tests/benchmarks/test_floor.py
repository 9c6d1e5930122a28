"""What operations of a step do, and the least that they could take: by hand."""

import sys

import pytest

from benchmarks import floor
from benchmarks.floor import Row, Work, kind_of, rows_of, work_of
from valgap.ground.errors import SuiteError


@pytest.mark.parametrize(
    ("operation", "inputs", "outputs", "operations", "numbers"),
    [
        # 2 images of 4 x 4 outputs of 3 x 3 x 5 to 7; what goes in, its kernel and what comes out are read or written
        ("Conv2D", [(2, 4, 4, 5), (3, 3, 5, 7)], [(2, 4, 4, 7)], 2 * 32 * 45 * 7, 160 + 315 + 224),
        ("Conv2DBackpropInput", [(4,), (3, 3, 5, 7), (2, 4, 4, 7)], [(2, 4, 4, 5)], 2 * 32 * 45 * 7, 4 + 699),
        ("Conv2DBackpropFilter", [(2, 4, 4, 5), (4,), (2, 4, 4, 7)], [(3, 3, 5, 7)], 2 * 32 * 45 * 7, 4 + 699),
        ("DepthwiseConv2dNative", [(2, 4, 4, 5), (3, 3, 5, 1)], [(2, 4, 4, 5)], 2 * 160 * 9, 160 + 45 + 160),
        ("MatMul", [(8, 3), (3, 5)], [(8, 5)], 2 * 8 * 3 * 5, 24 + 15 + 40),
        ("Relu", [(2, 3)], [(2, 3)], 0, 12),
    ],
)  # fmt: skip
def test_work_by_hand(
    operation: str,
    inputs: list[tuple[int, ...]],
    outputs: list[tuple[int, ...]],
    operations: float,
    numbers: int,
) -> None:
    found = work_of(operation, inputs, outputs)
    assert found.operations == pytest.approx(operations)
    assert found.bytes == 4 * numbers


def test_every_operation_has_a_kind() -> None:
    kinds = {
        "Conv2DBackpropFilter": "convolutions",
        "DepthwiseConv2dNativeBackpropInput": "depthwise convolutions",
        "MatMul": "matrix products",
        "FusedBatchNormGradV3": "batch normalization",
        "Relu6Grad": "activations",
        "MaxPoolGrad": "pooling",
        "AddV2": "additions",
        "ResourceApplyAdam": "all else, the optimizer among it",
    }
    assert {operation: kind_of(operation) for operation in kinds} == kinds


def test_the_least_is_what_bounds_each_operation_and_the_unknown_have_none() -> None:
    done = {"a": ("Conv2D", Work(200.0, 10.0)), "b": ("Conv2D", Work(10.0, 400.0)), "c": ("Relu", Work(0.0, 40.0))}
    rows = rows_of({"a": 3.0, "b": 5.0, "c": 1.0, "cast/Relu": 0.5}, done, products=100.0, copies=100.0)
    assert rows == [
        Row("convolutions", 8.0, Work(210.0, 410.0), 2.0 + 4.0),
        Row("activations", 1.5, Work(0.0, 40.0), 0.4),
    ]
    text = floor.table(10.0, rows)
    assert "| convolutions | 8000.0 | 80% | 0.00 | 0.00 | 6000.0 |" in text
    assert text.endswith("| step | 10000.0 | | | | 6400.0 (64%) |")


@pytest.mark.parametrize("words", [[], ["large"], ["small", "large"]])
def test_other_networks_are_refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["floor", *words])
    with pytest.raises(SuiteError, match=r"usage: .*networks: small, colour"):
        floor.main()

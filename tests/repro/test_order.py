"""Which cells come first where there is no time for all."""

import dataclasses

from tests.scratch import ROOT
from valgap.ground.params.suite import load
from valgap.repro.order import by_use, ranked

SHIPPED = load(ROOT / "params.yaml")


def test_every_cause_has_an_arm_before_any_has_two() -> None:
    order = by_use(SHIPPED)
    assert order[:5] == ["baseline", "double_data", "without_suspects", "longer", "pooling_head"]
    assert sorted(order) == sorted(SHIPPED.cells)
    judged = {name: cause.removes for name, cause in SHIPPED.causes.items() if cause.removes}
    firsts = [order.index(arms[0]) for arms in judged.values()]
    seconds = [order.index(arm) for arms in judged.values() for arm in arms[1:2] if arm in order]
    assert max(firsts) < min(seconds)


def test_what_learns_slower_is_followed_by_itself_with_more_steps() -> None:
    order = by_use(SHIPPED)
    for arm in ("pooling_head", "narrow", "dropout", "mild_augmentation"):
        assert order[order.index(arm) + 1] == f"{arm}_longer"


def test_without_causes_the_order_is_that_of_the_file() -> None:
    assert by_use(dataclasses.replace(SHIPPED, causes={})) == [*SHIPPED.cells]


def test_both_blocks_of_a_variant_come_before_the_next() -> None:
    cells = ["train@dropout-0", "train@dropout-1", "train@longer-0", "more@baseline_2", "train@baseline-1"]
    assert ranked(cells, SHIPPED) == [
        "more@baseline_2", "train@baseline-1", "train@longer-0", "train@dropout-0", "train@dropout-1",
    ]  # fmt: skip
    assert ranked(["explore@mixup-0", "train@l2-0"], SHIPPED) == ["train@l2-0", "explore@mixup-0"]

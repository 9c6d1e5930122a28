import dataclasses

import pytest

from tests.scratch import ROOT
from valgap.ground.params import suite
from valgap.ground.params.causes import CAUSES, Cause
from valgap.ground.params.experiment import Augmentation

TRAIN = suite.load(ROOT / "params.yaml").train


def test_every_cause_is_listed_under_its_name_and_has_a_title() -> None:
    assert all(cause.name == name and cause.title for name, cause in CAUSES.items())
    assert len({cause.title for cause in CAUSES.values()}) == len(CAUSES)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.name)
def test_a_cause_that_can_be_absent_says_why(cause: Cause) -> None:
    assert cause.present(TRAIN, (50, 50)) is (not cause.absent)


def test_what_the_baseline_has_is_present() -> None:
    policy = dataclasses.replace(TRAIN, augmentation=Augmentation(zoom=0.2))
    assert CAUSES["augmentation"].present(policy, (50, 50))
    assert CAUSES["augmentation"].present(dataclasses.replace(TRAIN, mixup=0.2), (50, 50))
    assert CAUSES["imbalance"].present(TRAIN, (90, 10))
    assert CAUSES["imbalance"].present(dataclasses.replace(TRAIN, long_tail=10), (50, 50))

"""What a budget covers: pure arithmetic on made-up costs, worked by hand where it is short, by properties elsewhere."""

import dataclasses
import itertools

import pytest

from valgap.costs.estimate import Timings
from valgap.data.sizes import Sizes
from valgap.ground.params.experiment import variant_settings
from valgap.init.arms import Arm, Facts, first_of_each, menu
from valgap.init.fitting import FEWEST_IMAGES, Option, Plan, Problem, Scale, fit, levels, smallest

FACTS = Facts(
    transforms=("shift", "zoom"), suspects=3, imbalance=4.0, smallest=100, resplit=True, kfold=False, pretrained=False,
    learning_rate=0.001,
)  # fmt: skip
BASELINE = variant_settings({"steps": 100, "schedule": "cosine"}, {"baseline": {}}, "baseline")
HOUR = 3600.0


def problem(step: float = 0.05, images: int = 3000, arms: tuple[Arm, ...] = menu(FACTS), **changes: object) -> Problem:
    """Costs at 128, 64 and 32 pixels, `step` seconds a step at the first."""
    scales = tuple(
        Scale((side, side), Timings(step * (side / 128) ** 2, 0.001 * (side / 128) ** 2, 1.0, 8.0))
        for side in (128, 64, 32)
    )
    made = Problem(
        options=tuple(Option(arm, 1.0) for arm in arms), scales=scales, replicates=(12, 6, 4, 2),
        sizes=Sizes(images, images, 500, 500, images), baseline=BASELINE, willing=2, divisible=True, workers=2, most=12,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def names(plan: Plan) -> list[str]:
    return [option.arm.name for option in plan.options]


def test_seconds_of_a_plan_by_hand() -> None:
    """Two arms and the baseline, 30 epochs of 320 images at batch 32: 300 steps; longer has 900."""
    arms = (
        Arm("l2", {"l2_penalty": 0.001}, "regularization", "removes", "?"),
        Arm("longer", {}, "training", "removes", "?", 3),
    )
    few = problem(0.1, 320, arms, sizes=Sizes(320, 320, 100, 100), replicates=(6,), workers=3)
    plan = fit(few, HOUR)
    assert plan is not None
    assert (plan.steps, plan.replicates, plan.block_size, plan.blocks, names(plan)) == (
        300,
        6,
        6,
        (0,),
        ["l2", "longer"],
    )
    scored = 320 + 100 + 100 + 10 * (320 + 100)
    run, long = (steps * 0.1 + scored * 0.001 + 1.0 for steps in (300, 900))
    assert plan.seconds == pytest.approx((3 * 8 + 6 * (2 * run + long)) / 3)


@pytest.mark.parametrize("step", [0.002, 0.02, 0.2, 1.0])
@pytest.mark.parametrize("images", [60, 900, 3000, 50_000])
def test_a_plan_is_within_the_budget_and_a_longer_one_is_no_worse(step: float, images: int) -> None:
    made = problem(step, images)
    order = list(levels(made))
    before = len(order)
    for minutes in (1, 3, 10, 30, 60, 120, 480, 3000):
        plan = fit(made, 60.0 * minutes)
        if plan is None:
            assert before == len(order), "a longer budget has no plan where a shorter one has"
            continue
        assert plan.seconds <= 60 * minutes
        assert len(set(names(plan))) == len(plan.options) <= made.most
        assert plan.block_size * len(plan.blocks) == plan.replicates
        place = next(
            number for number, level in enumerate(order)
            if (made.scales[level.scale], level.epochs, level.replicates, level.train)
            == (plan.scale, plan.epochs, plan.replicates, plan.train)
        )  # fmt: skip
        assert place <= before
        before = place


@pytest.mark.parametrize("step", [0.002, 0.2])
def test_the_smallest_budget_has_a_plan_and_less_has_none(step: float) -> None:
    made = problem(step)
    least = smallest(made)
    assert fit(made, 1.001 * least) is not None
    assert fit(made, 0.999 * least) is None


def test_a_generous_budget_gives_up_nothing() -> None:
    plan = fit(problem(0.001), 100 * HOUR)
    assert plan is not None
    assert (plan.epochs, plan.replicates, plan.scale.size, plan.train, len(plan.options)) == (
        30,
        12,
        (128, 128),
        None,
        12,
    )


def test_each_cause_has_an_arm_before_any_has_two() -> None:
    for minutes in range(5, 200, 5):
        plan = fit(problem(0.02), 60.0 * minutes)
        if plan is None:
            continue
        causes = [option.arm.cause for option in plan.options if option.arm.cause]
        first = list(dict.fromkeys(causes))
        assert causes[: len(first)] == first


def test_the_image_size_of_a_users_network_is_given_up_later_than_that_of_the_suites_own() -> None:
    sizes = []
    for minutes in (20, 30, 40, 60, 120, 240):
        own, users = (fit(problem(0.1, 2000, willing=willing), 60.0 * minutes) for willing in (2, 1))
        assert own is not None
        assert users is not None
        sizes.append((own.scale.size, users.scale.size))
    assert all(users >= own for own, users in sizes if own and users)
    assert ((64, 64), (128, 128)) in sizes


def test_half_or_double_of_the_images_never_both() -> None:
    seen = set()
    for step, images in itertools.product((0.002, 0.02, 0.2), (900, 3000, 50_000)):
        plan = fit(problem(step, images), HOUR)
        assert plan is not None
        pair = {"half_data", "double_data"} & set(names(plan))
        assert pair <= ({"half_data"} if plan.train is None else {"double_data"})
        if plan.train is not None:
            assert FEWEST_IMAGES <= plan.train <= images // 2
        seen |= pair
    assert seen == {"half_data", "double_data"}


def test_folds_are_never_cut_apart() -> None:
    for minutes in (5, 20, 60, 600):
        plan = fit(problem(0.01, 200, replicates=(10, 5), divisible=False), 60.0 * minutes)
        assert plan is None or plan.replicates in (5, 10)
        assert plan is None or (plan.block_size, plan.train) == (5, None)


def test_a_network_that_answers_to_no_arm_is_trained_alone() -> None:
    plan = fit(problem(0.01, 500, ()), HOUR)
    assert plan is not None
    assert plan.options == ()


def test_first_of_each_cause() -> None:
    found = first_of_each(menu(FACTS))
    assert [arm.name for arm in found] == [
        "dropout", "longer", "double_data", "without_suspects", "class_weights", "mild_augmentation", "resplit",
        "narrow",
    ]  # fmt: skip

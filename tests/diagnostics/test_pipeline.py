"""Rules on input pipelines, on splits whose faults are known."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.scratch import ROOT
from valgap.check.feeds import feed
from valgap.check.survey import survey
from valgap.diagnostics.pipeline import classes, color, copies, learner, pairing, passes, rules, scale, thumbnails
from valgap.diagnostics.pipeline.surveyed import Survey
from valgap.diagnostics.seen import Seen
from valgap.document.prose import Prose

Thing = Any
SAY = Prose(ROOT / "valgap/check/faults/pipeline.yaml")
COLOURS = np.array([[210, 60, 50], [60, 170, 80], [70, 90, 220], [210, 190, 60]])
SIZE = 16


def draw(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Four classes: discs and squares of a colour each, anywhere, on a noisy dark ground."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    images = rng.normal(50, 12, (count, SIZE, SIZE, 1)) + rng.normal(0, 6, (count, SIZE, SIZE, 3))
    down, across = np.mgrid[:SIZE, :SIZE]
    for place, label in enumerate(labels):
        y, x = rng.uniform(5, SIZE - 5, 2)
        radius = rng.uniform(3, 4.5)
        near = np.maximum(abs(down - y), abs(across - x)) if label % 2 else np.hypot(down - y, across - x)
        images[place][near < radius] = COLOURS[label] * rng.uniform(0.75, 1.15)
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    return np.clip(images, 0, 255).astype(np.uint8), labels


X, Y = draw(240, 0)
V, W = draw(120, 1)
UNIT = X.astype(np.float32) / 255
VAL = V.astype(np.float32) / 255


@pytest.fixture
def see(tmp_path: Path) -> Callable[..., Survey]:
    def made(thing: Thing, name: str = "val", outputs: NDArray[np.float32] | None = None, **settings: Any) -> Survey:
        place = iter(range(10**6))

        def of_batch(images: NDArray[np.float32]) -> NDArray[np.float32]:
            assert outputs is not None
            return np.stack([outputs[next(place)] for _ in images])

        return survey(feed(thing, name=name, **settings), None if outputs is None else of_batch, tmp_path)

    return made


def stream(
    images: NDArray[Any], labels: NDArray[Any], order: Callable[[], NDArray[np.int64]] | None = None, alter: Any = None
) -> Callable[[], Iterator[Any]]:
    def batches() -> Iterator[Any]:
        rows = np.arange(len(images)) if order is None else order()
        for start in range(0, len(rows), 32):
            part = rows[start : start + 32]
            yield (images[part] if alter is None else alter(images[part])), labels[part]

    return batches


def shuffled(count: int) -> Callable[[], NDArray[np.int64]]:
    rng = np.random.default_rng(2)
    return lambda: rng.permutation(count)


def brighter(images: NDArray[Any]) -> NDArray[Any]:
    return images * RANDOM.uniform(0.6, 1.0, (len(images), 1, 1, 1)).astype(np.float32)


RANDOM = np.random.default_rng(4)


def codes(seen: list[Seen], severity: str = "problem") -> list[str]:
    return [each.code for each in seen if each.severity == severity]


FEW = np.r_[np.flatnonzero(W == 0)[:6], np.flatnonzero(W > 0)]  # few of the first class
HEALTHY: dict[str, Callable[[], tuple[Thing, Thing]]] = {
    "arrays": lambda: ((UNIT, Y), (VAL, W)),
    "augmented and shuffled training": lambda: (stream(UNIT, Y, shuffled(240), brighter), stream(VAL, W)),
    "twenty validation images": lambda: ((UNIT, Y), (VAL[:20], W[:20])),
    "dark validation": lambda: ((UNIT, Y), ((V * 0.4).astype(np.uint8) / 255, W)),
    "bright validation in [-1, 1]": lambda: (
        (UNIT * 2 - 1, Y),
        (np.clip(V * 0.7 + 70, 0, 255).astype(np.uint8) / 127.5 - 1, W),
    ),
    "warm against cold": lambda: (
        (np.clip(X * [0.75, 1, 1.2], 0, 255) / 255, Y),
        (np.clip(V * [1.25, 1, 0.7], 0, 255) / 255, W),
    ),
    "shuffled validation": lambda: ((UNIT, Y), stream(VAL, W, shuffled(120))),
    "unequal classes": lambda: ((UNIT, Y), (VAL[FEW], W[FEW])),
    "noisy labels": lambda: ((UNIT, np.where(np.arange(240) % 3 == 0, (Y + 1) % 4, Y)), (VAL, W)),
    "standardised, darker validation": lambda: (
        ((X - X.mean()) / X.std(), Y),
        (((V * 0.5).astype(np.uint8) - X.mean()) / X.std(), W),
    ),
}


@pytest.mark.parametrize("kind", HEALTHY)
def test_healthy_pipelines_raise_no_problem(kind: str, see: Callable[..., Survey]) -> None:
    train, val = HEALTHY[kind]()
    assert codes(rules.look(see(train, "train"), see(val))) == []


def mispaired(seed: int) -> Callable[[], Iterator[Any]]:
    rng = np.random.default_rng(seed)

    def batches() -> Iterator[Any]:
        one, two = rng.permutation(120), rng.permutation(120)
        for start in range(0, 120, 30):
            yield VAL[one[start : start + 30]], W[two[start : start + 30]]

    return batches


ORDER = np.argsort(Y, kind="stable")
LEAKED = np.concatenate([VAL[:100], UNIT[:20]])
FAULTS: dict[str, tuple[str, Callable[[], tuple[Thing, Thing]]]] = {
    "validation in [0, 1], training in [-1, 1]": ("VG301", lambda: ((UNIT * 2 - 1, Y), (VAL, W))),
    "validation from 0 to 255": ("VG301", lambda: ((UNIT, Y), (V, W))),
    "standardised training": ("VG301", lambda: (((X - X.mean()) / X.std(), Y), (VAL, W))),
    "negatives": ("VG301", lambda: ((UNIT, Y), (1 - VAL, W))),
    "channels reversed": ("VG302", lambda: ((UNIT, Y), (VAL[..., ::-1], W))),
    "augmented validation": ("VG303", lambda: ((UNIT, Y), stream(VAL, W, None, brighter))),
    "shuffled labels": ("VG304", lambda: ((UNIT, Y), (VAL, np.random.default_rng(0).permutation(W)))),
    "shuffled training labels": ("VG304", lambda: ((UNIT, np.random.default_rng(0).permutation(Y)), (VAL, W))),
    "images and labels shuffled apart": ("VG304", lambda: ((UNIT, Y), mispaired(0))),
    "two classes exchanged": ("VG305", lambda: ((UNIT, Y), (VAL, np.array([3, 1, 2, 0])[W]))),
    "all classes in another order": ("VG305", lambda: ((UNIT, Y), (VAL, np.array([2, 0, 3, 1])[W]))),
    "sorted training": ("VG306", lambda: (stream(UNIT[ORDER], Y[ORDER]), stream(VAL, W))),
    "a class without validation images": ("VG307", lambda: ((UNIT, Y), (VAL[W != 1], W[W != 1]))),
    "the tail of sorted data": ("VG307", lambda: ((UNIT[Y < 3], Y[Y < 3]), (VAL[W == 3], W[W == 3]))),
    "copies": ("VG308", lambda: ((UNIT, Y), (LEAKED, np.concatenate([W[:100], Y[:20]])))),
    "mirrored copies": (
        "VG308",
        lambda: ((UNIT[:, :, ::-1], Y), (LEAKED, np.concatenate([W[:100], Y[:20]]))),
    ),
    "NaN": ("VG309", lambda: ((UNIT, Y), (np.where(np.arange(120)[:, None, None, None] == 7, np.nan, VAL), W))),
    "one batch on another scale": (
        "VG309",
        lambda: ((UNIT * np.where(np.arange(240) // 32 == 2, 255, 1)[:, None, None, None], Y), (VAL, W)),
    ),
    "rows of zeros": ("VG310", lambda: ((UNIT, np.eye(4)[Y] * (np.arange(240) > 5)[:, None]), (VAL, np.eye(4)[W]))),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_planted_fault_is_named_first_and_alone(kind: str, see: Callable[..., Survey]) -> None:
    code, make = FAULTS[kind]
    train, val = make()
    found = rules.look(see(train, "train"), see(val))
    assert codes(found) == [code]
    assert found[0].code == code
    for part in ("title", "found", "effect", "cure"):
        text = SAY(f"{code}.{part}", **found[0].evidence)
        assert text
        assert "n/a" not in text
        assert "  " not in text


# Single rules


def test_forms_of_preprocessing_are_told(see: Callable[..., Survey]) -> None:
    mean = np.array([103.9, 116.8, 123.7])
    values = {"0-1": UNIT, "-1-1": UNIT * 2 - 1, "0-255": X, "tiny": UNIT / 255, "centred": X - mean}
    values["standardised"] = (X - X.mean()) / X.std()
    assert {name: scale.form(see((each, Y))) for name, each in values.items()} == {name: name for name in values}


def test_channels_of_grey_images_are_never_said_to_be_exchanged(see: Callable[..., Survey]) -> None:
    grey = [np.repeat(each.mean(axis=3, keepdims=True), 3, axis=3) for each in (UNIT, VAL)]
    train, val = see((grey[0], Y), "train"), see((grey[1][..., ::-1], W))
    assert color.swapped(train, val, learner.learn(train, val)) is None


def test_a_mixture_of_classes_is_one_by_chance_and_zero_when_sorted() -> None:
    labels = np.random.default_rng(0).integers(0, 4, 6400)
    assert passes.mixture(labels, labels) == pytest.approx(1, abs=0.02)
    assert passes.mixture(np.sort(labels), labels) == pytest.approx(0, abs=0.02)
    assert passes.mixture(np.tile([0, 1], 64), np.tile([0, 1], 64)) == pytest.approx((512 / 992) / (8192 / 16256))
    assert passes.mixture(labels[:40], labels) is None
    assert passes.mixture(np.zeros(100, np.int64), np.zeros(100, np.int64)) is None


def test_a_shuffled_validation_set_is_worth_a_look_and_no_more(see: Callable[..., Survey]) -> None:
    found = passes.random_order(see(stream(VAL, W, shuffled(120))))
    assert found is not None
    assert (found.code, found.severity) == ("VG312", "worth a look")
    assert passes.random_order(see(stream(VAL, W))) is None
    assert passes.random_pixels(see(stream(VAL, W, shuffled(120)))) is None


@pytest.mark.parametrize(
    ("labels", "outputs", "kind"),
    [
        (Y, 4, None),
        (Y, None, None),
        (Y + 1, 4, "from_one"),
        (Y + 1, 5, "shifted"),
        (Y, 3, "beyond"),
        (Y - 1, 4, "negative"),
        (Y * 0 + 2, 4, "constant"),
        (np.eye(4)[Y], 4, None),
        (np.eye(4)[Y], 6, "width"),
        (Y % 2, 1, None),
        (Y, 1, "beyond"),
        (np.eye(2)[Y % 2], 1, "width"),
    ],
)
def test_labels_are_held_against_outputs(
    labels: NDArray[Any], outputs: int | None, kind: str | None, see: Callable[..., Survey]
) -> None:
    found = classes.fitting(see((UNIT, labels), "train"), outputs)
    assert (found and found.evidence["kind"]) == kind


def test_few_images_do_not_lack_a_rare_class() -> None:
    rng = np.random.default_rng(0)
    many, few = np.arange(4).repeat(100), rng.integers(0, 3, 12)
    made = [survey_of(labels) for labels in (many, few)]
    assert classes.lacking(made[0], made[1]) is None
    assert classes.lacking(made[0], survey_of(rng.integers(0, 3, 200))) is not None


def survey_of(labels: NDArray[np.int64]) -> Survey:
    """A survey of which labels alone matter."""
    count = len(labels)
    return Survey(
        "val", "arrays", None, "uint8", None, False, np.zeros((count, 2, 2, 1), np.uint8), 0, 255,
        np.zeros((count, 2, 2), np.float32), labels, None,
        np.arange(count).astype(np.uint64), np.zeros(count, np.float32), np.ones(count, np.float32),
        np.ones(count, np.bool_), np.zeros(1), np.ones(1), np.array([count]), None, None,
    )  # fmt: skip


def test_pixels_that_are_scaled_inside_too_are_named(see: Callable[..., Survey]) -> None:
    found = scale.fed(see((UNIT, Y), "train"), 1 / 255)
    assert found is not None
    assert (found.code, found.severity) == ("VG311", "problem")
    assert scale.fed(see((X, Y), "train"), 1 / 255) is None
    assert scale.fed(see((UNIT, Y), "train"), None) is None


def test_unscaled_pixels_are_worth_a_look_where_the_model_is_poor(see: Callable[..., Survey]) -> None:
    right, one = np.eye(4, dtype=np.float32)[Y], np.eye(4, dtype=np.float32)[Y * 0]
    assert scale.fed(see((X, Y), "train", right), None) is None
    found = scale.fed(see((X, Y), "train", one), None)
    assert found is not None
    assert found.severity == "worth a look"
    assert found.evidence["recall"] == pytest.approx(0.25)


def test_names_of_classes_in_another_order_are_told_apart(see: Callable[..., Survey]) -> None:
    train = see((UNIT, Y), "train", class_names=["1", "10", "2", "3"])
    val = see((VAL, W), class_names=["1", "2", "3", "10"])
    found = pairing.reordered(train, val, None)
    assert found is not None
    assert found.evidence["pairs"] == [(1, "10", "2"), (2, "2", "3"), (3, "3", "10")]
    assert pairing.reordered(train, train, None) is None


def test_an_order_is_told_from_the_models_own_outputs(see: Callable[..., Survey]) -> None:
    order = np.array([1, 0, 2, 3])
    train = see((UNIT, Y), "train", np.eye(4, dtype=np.float32)[Y])
    noisy = np.where(np.random.default_rng(0).random(120) < 0.2, np.random.default_rng(1).integers(0, 4, 120), order[W])
    val = see((VAL, W), "val", np.eye(4, dtype=np.float32)[noisy])
    found = pairing.reordered(train, val, None)
    assert found is not None
    assert (found.evidence["by"], [pair[0] for pair in found.evidence["pairs"]]) == ("model", [0, 1])


@pytest.mark.parametrize("seed", range(20))
def test_no_order_is_claimed_of_guesses(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, 200)
    assert pairing.best_order(labels, rng.integers(0, 10, 200), 0.9) is None
    poor = np.where(rng.random(200) < 0.3, labels, rng.integers(0, 10, 200))
    assert pairing.best_order(labels, poor, 0.9) is None


def test_thumbnails_of_moved_images_are_moved_thumbnails() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 17, 17, 2)).astype(np.uint8)
    whole = thumbnails.small(pixels, np.arange(3), 5)
    for _, turns, mirrored in thumbnails.SYMMETRIES:
        moved = np.ascontiguousarray(thumbnails.moved(pixels, turns, mirrored))
        found = thumbnails.small(moved, np.arange(3), 5)
        assert found == pytest.approx(thumbnails.moved(whole, turns, mirrored), abs=1e-3)
    assert thumbnails.weights(4, 2).tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    assert thumbnails.weights(3, 2)[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0])


@pytest.mark.parametrize(("name", "turns", "mirrored"), thumbnails.SYMMETRIES)
def test_copies_are_found_however_they_are_turned(
    name: str, turns: int, mirrored: bool, see: Callable[..., Survey]
) -> None:
    moved = thumbnails.moved(UNIT, turns, mirrored)
    held = np.concatenate([VAL[:50], moved[:5]])
    found = copies.copies(see((UNIT, Y), "train"), see((held, np.zeros(55, np.int64))))
    assert found is not None
    assert (found.evidence["same"], found.severity) == (5, "problem")
    assert len(found.evidence["kinds"]) == 1
    # what undoes a symmetry is its inverse: quarter turns change places, all others are their own
    undone = {"turned by 90°": "turned by 270°", "turned by 270°": "turned by 90°"}.get(name, name)
    assert found.evidence["kinds"] == {undone: 5}

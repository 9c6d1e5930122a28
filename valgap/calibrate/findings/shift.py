"""How often a shift between splits is seen by the model (VG123), and another class mix (VG124).

On each set a small network is overfitted by stock Keras on part of the images; the others are drawn, again and again,
as validation and test images, the latter as they are, or corrupted, or of another class mix, so that accuracy is `COST`
lower. Every second draw knows training and test images only, as a check of two splits does.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.corrupted import CORRUPTIONS, Index, drawn, strength_of, tilted
from valgap.calibrate.findings.overfitted import Given, Overfitted
from valgap.calibrate.findings.sets import ImageSet
from valgap.findings.answers_shift import Answered, model_shift
from valgap.findings.class_mix import class_mix
from valgap.findings.rates import Rate, Row

NAME = "shift"
COST = 0.03  # of accuracy
DRAWS = 20  # of each kind
CLEAN = 100  # draws without a shift
LEARNED, SIDE, HELD = 1_200, 500, 4_000  # images learned by heart, of a split, and of which splits are drawn, at most
STEPS = 1_900  # of training
TRIED = 1_500  # images on which the strength is found
BATCH = 32
PIXELS = 32  # along the shorter side: larger images are thinned to about so many, to be quick
MIX = "class mix"


class Plants:
    """What an overfitted network gives of its training images, of images held back, and of the same when corrupted."""

    def __init__(self, images: ImageSet, seed: int) -> None:
        """Train, find the strength of each corruption, and score."""
        rng = np.random.default_rng(seed)
        step = max(1, min(images.images.shape[1:3]) // PIXELS)
        images = dataclasses.replace(images, images=images.images[:, ::step, ::step])
        order, classes = rng.permutation(len(images.labels)), len(images.class_names)
        learned = order[: min(LEARNED, len(order) // 3)]
        held = order[len(learned) : len(learned) + HELD]
        self.learned, self.labels = images.labels[learned], images.labels[held]
        epochs = -(-STEPS * BATCH // len(learned))
        network = Overfitted(images.images[learned], self.learned, classes, seed, epochs)
        self.train, self.given = network(images.images[learned]), {"": network(images.images[held])}
        some, those = images.images[held[:TRIED]], self.labels[:TRIED]
        base = _accuracy(self.given[""].probabilities[:TRIED], those)
        for name, corrupt in CORRUPTIONS.items():

            def cost(strength: float, corrupt: Callable[..., NDArray[np.uint8]] = corrupt) -> float:
                changed = corrupt(some, strength, np.random.default_rng(seed))
                return base - _accuracy(network(changed).probabilities, those)

            if (strength := strength_of(cost, COST)) is not None:
                self.given[name] = network(corrupt(images.images[held], strength, rng))
        right = self.given[""].probabilities.argmax(axis=1) == self.labels
        counts = np.bincount(self.labels, minlength=classes).astype(float)
        self.mix = tilted(counts, np.bincount(self.labels, right, classes) / np.maximum(counts, 1), COST)

    @property
    def kinds(self) -> list[str]:
        """What can be planted: corruptions, and another class mix where one costs so much."""
        return [*(name for name in self.given if name), *([] if self.mix is None else [MIX])]

    def split(self, kind: str, rng: np.random.Generator) -> tuple[Answered, Answered]:
        """(training, validation and test images, the last of a kind, "" for clean; the same without validation)."""
        order = rng.permutation(len(self.labels))
        size = min(SIDE, len(order) // 2)
        val, rest = order[:size], order[size:]
        test = (
            rest[drawn(self.labels[rest], self.mix, size, rng)] if kind == MIX and self.mix is not None else rest[:size]
        )
        whole = self._answered(
            {
                "train": (self.train, np.arange(len(self.learned)), self.learned),
                "val": (self.given[""], val, self.labels),
                "test": (self.given[kind if kind in self.given else ""], test, self.labels),
            }
        )
        return whole, _without(whole, "val")

    def _answered(self, parts: Mapping[str, tuple[Given, Index, Index]]) -> Answered:
        given = [of[rows] for of, rows, _ in parts.values()]
        labels = np.concatenate([labels[rows] for _, rows, labels in parts.values()])
        return Answered(
            np.concatenate([each.probabilities for each in given]),
            np.concatenate([each.late for each in given]),
            np.concatenate([each.early for each in given]),
            labels,
            np.repeat(list(parts), [len(rows) for _, rows, _ in parts.values()]),
            np.arange(len(labels)),
        )


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None]) -> list[Row]:
    """Rows for every set."""
    return [row for each in sets.values() for row in _of_set(each, seed, tell)]


def _of_set(images: ImageSet, seed: int, tell: Callable[[str], None]) -> Iterator[Row]:
    tell(f"{NAME}: {images.name}, a network")
    plants, rng = Plants(images, seed), np.random.default_rng(seed + 1)
    flags: dict[tuple[str, str], list[bool]] = {}
    for kind in ("", *plants.kinds):
        tell(f"{NAME}: {images.name}, {kind or 'no shift'}")
        for draw in range(CLEAN if not kind else DRAWS):
            three, two = plants.split(kind, rng)
            if kind != MIX:
                found = model_shift(two if draw % 2 else three, seed + draw).judged
                flags.setdefault(("VG123", kind), []).append(found is not None and found.differ)
            if kind in ("", MIX):
                flags.setdefault(("VG124", kind), []).append(other_mix(three, seed + draw))
            elif draw % 2 == 0:
                flags.setdefault(("VG124", "corrupted"), []).append(other_mix(three, seed + draw))
    for code in ("VG123", "VG124"):
        alarms = _rate(flags[code, ""])
        for kind in plants.kinds:
            if (code, kind) in flags:
                hits = _rate(flags[code, kind])
                yield Row(
                    code, f"{kind} that costs {100 * COST:.0f} pp", images.name, hits, Rate(hits.count, hits.count)
                )
        yield Row(code, "no shift", images.name, None, Rate(0, alarms.count), alarms)
    yield Row("VG124", "corrupted images, same mix", images.name, None, None, _rate(flags["VG124", "corrupted"]))


def other_mix(answered: Answered, seed: int) -> bool:
    """Whether VG124 is raised on the test images."""
    learned, held = (np.flatnonzero(answered.splits == name) for name in ("train", "test"))
    right = answered.probabilities[held].argmax(axis=1) == answered.labels[held]
    return class_mix("test", answered.labels[learned], answered.labels[held], right, None, seed).matters


def _without(answered: Answered, split: str) -> Answered:
    kept = answered.splits != split
    late, early = (None if each is None else each[kept] for each in (answered.late, answered.early))
    parts = (answered.labels[kept], answered.splits[kept], answered.clusters[kept])
    return Answered(answered.probabilities[kept], late, early, *parts)


def _accuracy(probabilities: NDArray[np.float32], labels: Index) -> float:
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def _rate(flags: list[bool]) -> Rate:
    return Rate(sum(flags), len(flags))

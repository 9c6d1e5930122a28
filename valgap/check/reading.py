"""Finds out how the model's training read its images, on a sample of them. Needs a started TensorFlow."""

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.check import answering
from valgap.check.network import Network
from valgap.check.outputs import Trial, best_range, guesses, to_probabilities, trial
from valgap.diagnostics.reading import fingerprint
from valgap.diagnostics.reading.answers import Answers, Part
from valgap.diagnostics.reading.decision import Decision
from valgap.diagnostics.reading.fingerprint import Fingerprint
from valgap.diagnostics.reading.orders import Order
from valgap.diagnostics.reading.readings import PLAIN, Decoded, Reading, Scale, Space, Statistics, apply, statistics
from valgap.diagnostics.reading.search import Search

Index = NDArray[np.int64]
BATCH = 100  # images whose batch statistics are taken


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked about: images by decoding and row, their labels, and rows to sample, stratified prefixes first.

    `fed` is the range that an object feeds, with its factor and offset from levels; None for files, whose range is
    not known. `orders` are the orders of classes that programs make.
    """

    pixels: Callable[[Decoded, Index], NDArray[np.uint8]]
    labels: Index
    train: Index
    held: Index
    class_names: tuple[str, ...]
    orders: Mapping[str, Order]
    space: Space
    fed: tuple[Scale, tuple[float, float]] | None = None
    saw: float | None = None  # accuracy on held-out images that the user saw


@dataclasses.dataclass(frozen=True)
class Read:
    """How it was read: the decision, the plain ranges that were tried, and what scales need to know."""

    decision: Decision
    ranges: dict[Scale, Trial]  # empty where the range is known
    known: Statistics
    trials: answering.Trials
    rows: dict[Part, Index]

    def batches(
        self, pixels: NDArray[np.uint8], rows: Index, reading: Reading | None = None
    ) -> list[NDArray[np.float32]]:
        """Some of the images as the model is given them, in batches that are large enough for batch statistics.

        Or as another reading would give them.
        """
        parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        return [apply(reading or self.decision.reading, np.asarray(pixels[part]), self.known) for part in parts]


def find(network: Network, asked: Asked) -> Read:
    """The reading that explains the model's answers. Raises SuiteError where no plain range gives finite values."""
    rows = answering.parts(asked.train, asked.held)
    labels: dict[Part, Index] = {part: asked.labels[places] for part, places in rows.items()}
    sample = answering.Sample(_by_decoding(asked, rows), labels)
    plain = Reading().decoding
    known = statistics(sample.of(plain, "choose"), asked.fed[1] if asked.fed else (1.0, 0.0))
    classes = len(asked.class_names)
    inference = answering.Trials(
        lambda images: network.probabilities(images, asked.class_names), sample, known, classes
    )
    training = None
    if network.normalises:
        answers = answering.Trials(
            lambda images: to_probabilities(network.outputs_in_training(images), asked.class_names, network.name)[0],
            sample,
            known,
            classes,
        )
        training = Answers(answers, labels, classes, asked.orders)
    remembered = _remembered(network, asked, sample, known) if network.normalises else None
    ranges: dict[Scale, Trial] = {}
    usual: tuple[Scale, ...] = PLAIN
    if asked.fed is not None:
        base, usual = Reading(scale=asked.fed[0]), (asked.fed[0],)
    else:
        for scale in PLAIN:
            fitted, held = (inference(Reading(scale=scale), part) for part in ("choose", "held"))
            ranges[scale] = trial(fitted, labels["choose"], held, labels["held"])
        told = remembered.simplest().scale if remembered else None
        if told not in PLAIN:
            told = best_range(ranges, classes, network.name) if any(map(_finite, ranges.values())) else PLAIN[0]
        base = Reading(scale=told)
    decision = Search(
        Answers(inference, labels, classes, asked.orders), training, asked.space, usual, remembered
    ).decide(base)
    if asked.saw is not None and decision.ranges and len(labels["held"]):
        decision = _as_seen(decision, inference, labels["held"], asked.saw)
    return Read(decision, ranges, known, inference, rows)


def _as_seen(decision: Decision, inference: answering.Trials, labels: Index, saw: float) -> Decision:
    """Of ranges that do as well on training images the one that gives what the user saw on held-out ones."""
    tried = [decision.reading.but(scale=scale) for scale in (decision.reading.scale, *decision.ranges)]

    def off(reading: Reading) -> float:
        right = guesses(inference(reading, "held")) == decision.order[labels]
        return abs(float(right.mean()) - saw)

    best = min(tried, key=off)
    others = tuple(each.scale for each in tried if each != best)
    return dataclasses.replace(decision, reading=best, ranges=others)


def _finite(tried: Trial) -> bool:
    return math.isfinite(tried.nll)


def _remembered(network: Network, asked: Asked, sample: answering.Sample, known: Statistics) -> Fingerprint | None:
    """What the first batch normalisation tells of the pixels of training."""
    images = sample.of(Reading().decoding, "small")
    return fingerprint.read(
        {reading: network.statistics(apply(reading, images, known)) for reading in asked.space.pixel_readings()}
    )


def _by_decoding(
    asked: Asked, rows: Mapping[Part, Index]
) -> Callable[[Decoded], tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]:
    """Images of the three parts by decoding, each read once."""
    found: dict[Decoded, tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]] = {}
    wanted: tuple[Part, Part, Part] = ("choose", "confirm", "held")
    ends = np.cumsum([len(rows[part]) for part in wanted])[:-1]

    def pixels(decoding: Decoded) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        if decoding not in found:
            every = asked.pixels(decoding, np.concatenate([rows[part] for part in wanted]))
            choose, confirm, held = np.split(every, ends)
            found[decoding] = choose, confirm, held
        return found[decoding]

    return pixels

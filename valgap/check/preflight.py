"""Seconds of training on a copy of a model, before hours: is it fit to learn what is fed to it?

The loss before training, gradients, a learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training
Neural Networks", section 3.3), and whether one batch can be learnt by heart.
"""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from valgap.check import randomness
from valgap.check.feeds import Feed, feed
from valgap.check.short_training import Index, Pixels, Trial
from valgap.diagnostics.pipeline import early
from valgap.diagnostics.seen import Seen
from valgap.document.prose import Prose
from valgap.ground.errors import SuiteError

GATHERED = 256  # images that are looked at
BATCH = 32
STEPS, WHOLE = 120, 100  # that learning by heart may take, and at least must before it has failed
LOWEST, HIGHEST, RISES = 1e-6, 3.0, 90  # rates of the range test, and its steps
EXACT = 1e-3  # a loss above which no gradient should be zero
SHARES = (0.3, 0.3, 0.2, 0.2)  # of the time: range test, by heart at the compiled rate, at the suggested one, by Adam
ADAM = 2e-3  # its rate: with a network of any usual size it learns one batch by heart

say = Prose(Path(__file__).with_name("faults") / "preflight.yaml")


@dataclasses.dataclass(frozen=True, repr=False)
class Preflight:
    """What seconds of training told: `seen` by the rules, and the numbers behind it.

    It shows itself as text; `markdown()` is the same.
    """

    model: str
    seen: tuple[Seen, ...]
    start: early.Start
    curve: early.Curve
    heart: early.Heart
    val: early.Start | None

    def markdown(self) -> str:
        """The findings, with evidence and cure, and the numbers, as Markdown."""
        lines = [say("summary.title", model=self.model), ""]
        for each in self.seen:
            said = {part: say(f"{each.code}.{part}", **each.evidence) for part in ("title", "found", "effect", "cure")}
            lines += [f"**{said['title']}** ({each.code}). {said['found']} {said['effect']} {said['cure']}", ""]
        lines += [] if self.seen else [say("summary.fine"), ""]
        lines.append(say("summary.start", start=self.start))
        lines += [say("summary.val", start=self.val)] if self.val else []
        lines += [say("summary.curve", curve=self.curve), say("summary.heart", heart=self.heart)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.markdown()

    def _repr_markdown_(self) -> str:
        return self.markdown()


def preflight(model: Any, train: Any, *, val: Any = None, steps: int | None = None, seconds: float = 20) -> Preflight:
    """Train a copy of a compiled model for about `seconds`, and say whether it is fit to learn what `train` gives.

    `train` and `val` are what is passed to `fit`; `steps` are the batches of a pass, for what is endless. The model,
    its weights and optimizer, and global states of chance stay as they are. Raises SuiteError on a model that is not
    compiled or cannot be copied, and on data that the model or its loss does not take.
    """
    if not seconds > 0:
        raise SuiteError(f"seconds = {seconds!r} leaves no time (allowed: above 0; 20 is usual)")
    with randomness.undisturbed():
        train_feed = feed(train, name="train", steps=steps)
        images, labels = gathered(train_feed)
        trial = Trial(model, train_feed.width)
        start, faults = at_start(trial, images, labels)
        val_start = None
        if val is not None:
            val_start, _ = at_start(trial, *gathered(feed(val, name="val", steps=steps)))
        curve = early.Curve((), (), None, None, trial.rate)
        heart = early.Heart(0, 0.0, 0.0, 0.0, 0, trial.rate)
        if not any(each.severity == "problem" and each.code == "VG504" for each in faults):
            rows = one_batch(labels)
            curve = rising(trial, images, labels, SHARES[0] * seconds)
            heart = by_heart(trial, images[rows], labels[rows], curve.suggested, seconds)
        seen = [*faults, *early.judged(start, curve, heart)]
    return Preflight(model.name, tuple(seen), start, curve, heart, val_start)


def gathered(source: Feed) -> tuple[Pixels, Index]:
    """The first images of a pass, with a known label. Raises SuiteError where there are fewer than two."""
    images: list[Pixels] = []
    labels: list[Index] = []
    batches = iter(source)
    for pixels, classes in batches:
        images.append(pixels[classes >= 0])
        labels.append(classes[classes >= 0])
        if sum(map(len, labels)) >= GATHERED:
            break
    batches.close()
    source.restore()
    if sum(map(len, labels)) < 2:
        raise SuiteError(f"{source.name} gives fewer than two images; look at what fills it")
    return np.concatenate(images)[:GATHERED], np.concatenate(labels)[:GATHERED]


def at_start(trial: Trial, images: Pixels, labels: Index) -> tuple[early.Start, list[Seen]]:
    """The loss and accuracy before training, and what the gradients of one batch give away."""
    total, _ = trial.gradients(images[:BATCH], labels[:BATCH])  # fails in words where the loss does not fit
    parts = [slice(place, place + BATCH) for place in range(0, len(images), BATCH)]
    outputs = [trial.outputs(images[part], False) for part in parts]
    losses = [
        sum(trial.loss_of(images[part], labels[part], training) * len(labels[part]) for part in parts)
        for training in (False, True)
    ]
    trial.reset()  # training mode moves statistics
    width = outputs[0].shape[1]
    accuracy = trial.right(np.concatenate(outputs), labels)
    largest = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    loss = float(np.min(losses)) / len(labels)
    start = early.Start(len(labels), loss, trial.expected(width), accuracy, largest, width)
    rows = one_batch(labels)
    total, found = trial.gradients(images[rows], labels[rows])
    names = [weight.path for weight in trial.model.trainable_variables]
    values = [None if each is None else np.asarray(each, np.float32) for each in found]
    missing = [each is None for each in values]
    broken = [each is not None and not np.isfinite(each).all() for each in values]
    calm, still = trial.gradients(images[rows], labels[rows], training=False)  # where dropout takes nothing away
    zero = [
        each is not None and other is not None and min(total, calm) > EXACT and not np.any(each) and not np.any(other)
        for each, other in zip(values, still, strict=True)
    ]
    seen = early.gradient(names, missing, broken, zero, total)
    return start, [seen] if seen else []


def one_batch(labels: Index) -> Index:
    """Places of at most 32 images, as many of each class as there are in turn."""
    order = np.argsort(np.random.default_rng(0).permutation(len(labels)), kind="stable")
    turn = np.zeros(len(labels), np.int64)
    for each in np.unique(labels):
        those = order[labels[order] == each]
        turn[those] = np.arange(len(those))
    return np.argsort(turn, kind="stable")[:BATCH]


def rising(trial: Trial, images: Pixels, labels: Index, seconds: float) -> early.Curve:
    """The loss while the learning rate rises exponentially from 1e-6 to 3, on batches of the gathered images."""
    trial.reset()
    optimizer, rng = trial.optimizer(LOWEST), np.random.default_rng(0)
    step, until = trial.step(optimizer), time.monotonic() + seconds
    size = min(BATCH, len(images))
    rates: list[float] = []
    losses: list[float] = []
    rows = rng.integers(0, len(images), size)
    step(images[rows], labels[rows])  # builds the graph
    started, each = time.monotonic(), 1
    for place in range(RISES):
        if place == 3:  # slow steps: fewer of them, over the same rates
            pace = (time.monotonic() - started) / 3
            each = max(1, int(np.ceil(pace * RISES / max(until - time.monotonic(), pace))))
        if place % each:
            continue
        rate = float(LOWEST * (HIGHEST / LOWEST) ** (place / (RISES - 1)))
        optimizer.learning_rate.assign(rate)
        rows = rng.integers(0, len(images), size)
        loss = step(images[rows], labels[rows])
        if not np.isfinite(loss) or time.monotonic() > until + seconds:
            break
        rates.append(rate)
        losses.append(loss)
        if early.blown(losses):
            break
    return early.curve_of(rates, losses, trial.rate)


def by_heart(trial: Trial, images: Pixels, labels: Index, suggested: float | None, seconds: float) -> early.Heart:
    """Learn one batch by heart at the compiled rate; where that fails at the one suggested; at last by Adam."""
    found = _learnt(trial, trial.optimizer(trial.rate), images, labels, SHARES[1] * seconds)
    others: list[early.Heart] = []
    if found.accuracy < early.LEARNT and suggested is not None:
        run = _learnt(trial, trial.optimizer(suggested), images, labels, SHARES[2] * seconds)
        others.append(dataclasses.replace(run, by="suggested"))
    if all(run.accuracy < early.LEARNT for run in (found, *others)):
        run = _learnt(trial, trial.adam(ADAM), images, labels, SHARES[3] * seconds)
        others.append(dataclasses.replace(run, by="adam"))
    return dataclasses.replace(found, others=tuple(others))


def _learnt(trial: Trial, optimizer: Any, images: Pixels, labels: Index, seconds: float) -> early.Heart:
    trial.reset()
    step, rate = trial.step(optimizer), float(optimizer.learning_rate)
    until = time.monotonic() + seconds
    losses: list[float] = []
    accuracy = 0.0
    while len(losses) < STEPS and time.monotonic() < until:
        losses.append(step(images, labels))
        if not np.isfinite(losses[-1]):
            break
        if len(losses) % 10 == 0:
            accuracy = _best(trial, images, labels)
            if accuracy >= early.LEARNT:
                break
    largest = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    accuracy = max(accuracy, _best(trial, images, labels) if np.isfinite(losses[-1:]).all() else 0.0)
    first, last = (losses[0], losses[-1]) if losses else (float("nan"), float("nan"))
    return early.Heart(len(images), accuracy, first, last, len(losses), rate, largest, len(losses) >= WHOLE)


def _best(trial: Trial, images: Pixels, labels: Index) -> float:
    """Accuracy in inference or in training mode, whichever is better: moving statistics lag behind so few steps."""
    kept = [each.numpy() for each in trial.model.non_trainable_variables]
    found = max(trial.accuracy(images, labels, training) for training in (False, True))
    for variable, value in zip(trial.model.non_trainable_variables, kept, strict=True):
        variable.assign(value)
    return found

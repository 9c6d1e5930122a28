"""The callback itself. Importing this module imports Keras."""

import time
from typing import Any

import keras

from valgap.check.callback import closing, samples
from valgap.check.callback.pace import Pace
from valgap.check.callback.scoring import Scored, score
from valgap.diagnostics.seen import Seen
from valgap.ground.errors import SuiteError
from valgap.ground.terminal import safe
from valgap.stats.intervals import Interval

IMAGES = 1000  # of each split
NAMES = ("fair_accuracy", "val_fair_accuracy", "fair_gap")


class GapCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the fair gap in `fit`: accuracy on training minus on validation images, scored under the same conditions.

    `train` and `val` are what is passed to `fit`: arrays (x, y), a tf.data.Dataset, a keras PyDataset. A fixed sample
    of each, at most `images`, is read into memory when training begins and scored in inference mode after `every`
    epochs; it is as augmented as the data set is, arrays are not. Scoring takes at most `budget` of the time of all
    epochs together: of how many images that is, is measured in the first epochs. `logs` get `fair_accuracy`,
    `val_fair_accuracy` and `fair_gap`, NaN in epochs that are not scored. After `fit`, `summary` is one paragraph in
    Markdown, `gap` the last fair gap with its 95% limits, `findings` what the curves give away, `cost` the share of
    the training time that scoring took (reading the samples not counted). The run itself is the same with and without
    it. Raises SuiteError on what it cannot read.
    """

    def __init__(self, train: Any, val: Any, *, every: int = 1, images: int = IMAGES, budget: float = 0.1) -> None:
        super().__init__()
        for name, value in (("every", every), ("images", images)):
            if not isinstance(value, int) or value < 1:
                raise SuiteError(f"{name} = {value}: it is a whole number from 1 up")
        if not 0 < budget <= 1:
            raise SuiteError(f"budget = {budget}: it is a share of the training time, over 0 and up to 1")
        self._data, self._every, self._images, self._budget = (train, val), every, images, budget
        self._kept: tuple[samples.Sample, samples.Sample] | None = None
        self.summary = ""
        self.gap: Interval | None = None
        self.findings: list[Seen] = []
        self._begin(0)

    def _begin(self, wanted: int) -> None:
        self._pace = Pace(self._budget, wanted)
        self._logs: dict[str, list[float]] = {}
        self._scored: Scored | None = None
        self._epochs, self._told, self._broken = 0, False, False

    @property
    def cost(self) -> float:
        """Seconds of scoring over those of all epochs; 0 before the first."""
        return self._pace.spent / self._pace.trained if self._pace.trained else 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the samples, once."""
        if self._kept is None:
            train, val = self._data
            self._kept = (samples.take(train, "train", self._images), samples.take(val, "val", self._images))
        self._begin(max(len(labels) for _, labels in self._kept))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Score, where it is time to and the budget allows it."""
        self._pace.epoch(time.perf_counter() - self._begun)
        self._epochs += 1
        logs = {} if logs is None else logs
        for name, value in logs.items():
            self._logs.setdefault(name, []).append(float(value))
        count = 0 if self._broken or self._epochs % self._every else self._pace.next_count()
        found = self._score(count) if count else None
        values = (found.train.mean, found.val.mean, found.gap.mean) if found else (float("nan"),) * 3
        logs.update(zip(NAMES, values, strict=True))

    def _score(self, count: int, last: bool = False) -> Scored | None:
        assert self._kept is not None
        try:
            found = score(self.model, *self._kept, count, self._pace.allowed)
        except SuiteError as error:  # a run of hours does not end for this
            self._broken = True
            print(closing.say("stopped", reason=str(error)))
            return None
        self._scored, self.gap = found, found.gap
        scored = max(found.train.images, found.val.images)
        settled = self._epochs > 1
        self._pace.scored(scored, found.seconds, found.warm, settled)
        if settled and not self._told and not last:
            self._told = True
            rare = scored * (self._pace.each or 0.0) > self._budget * self._pace.shortest
            print(
                "\n"
                + closing.say(
                    "plan",
                    every=self._every,
                    train=found.train.images,
                    val=found.val.images,
                    each=found.seconds,
                    epoch=self._pace.shortest,
                    rare=rare,
                )
            )
        return found

    def on_train_end(self, logs: Any = None) -> None:
        """Score once more, on as many images as the budget has left, and say what the run comes to."""
        count = 0 if self._broken else self._pace.last_count()
        if count >= (max(self._scored.train.images, self._scored.val.images) if self._scored else 1):
            self._score(count, last=True)
        self.findings = closing.findings(self._logs, self._scored)
        self.summary = closing.paragraph(self._logs, self.findings, self._scored, self.cost, self._budget)
        print(safe(self.summary))

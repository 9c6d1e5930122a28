"""The learning rate by step: Keras's schedules, a warm-up before any, and one that falls where validation stalls."""

from typing import Any

import keras
from keras import ops

from valgap.ground.params.experiment import Train
from valgap.ground.params.recipe import Schedule

LearningRateSchedule: Any = keras.optimizers.schedules.LearningRateSchedule


class WarmUp(LearningRateSchedule):  # type: ignore[misc]
    """From 0 in a straight line to `rate` over `steps`, then constant, or the schedule `after` from its beginning."""

    def __init__(self, rate: float, steps: int, after: LearningRateSchedule | None) -> None:
        self.rate, self.steps, self.after = rate, steps, after

    def __call__(self, step: Any) -> Any:
        """Learning rate at a step, from 0."""
        step = ops.cast(step, "float32")
        rising = self.rate * step / self.steps
        then = self.after(ops.maximum(step - self.steps, 0)) if self.after else self.rate
        return ops.where(step < self.steps, rising, then)

    def get_config(self) -> dict[str, Any]:
        """Arguments, as Keras saves them."""
        return {"rate": self.rate, "steps": self.steps, "after": self.after}


class Plateau(LearningRateSchedule):  # type: ignore[misc]
    """A rate that Keras's ReduceLROnPlateau lowers, told of validation loss after each epoch."""

    def __init__(self, rate: float, schedule: Schedule) -> None:
        self.start, self.schedule = rate, schedule
        self.learning_rate = keras.Variable(rate, dtype="float32", trainable=False)  # as an optimizer has it
        self.reset()

    def __call__(self, step: Any) -> Any:
        """Learning rate at any step until the next fall."""
        return ops.convert_to_tensor(self.learning_rate)

    def reset(self) -> None:
        """Forget all losses; the rate is that of the beginning."""
        self.learning_rate.assign(self.start)
        self.epochs, said = 0, self.schedule
        self.callback = keras.callbacks.ReduceLROnPlateau(
            factor=said.factor,
            patience=said.patience,
            min_delta=said.min_delta,
            cooldown=said.cooldown,
            min_lr=said.min_rate,
        )
        self.callback.set_model(_Told(self.learning_rate))
        self.callback.on_train_begin()

    def observe(self, val_loss: float) -> None:
        """Take note of the validation loss after one more epoch, in nats."""
        self.callback.on_epoch_end(self.epochs, {"val_loss": val_loss})
        self.epochs += 1

    def get_config(self) -> dict[str, Any]:
        """Arguments, as Keras saves them."""
        return {"rate": self.start, "schedule": self.schedule}


class _Told:
    """What the callback takes for a model and for its optimizer."""

    def __init__(self, rate: keras.Variable) -> None:
        self._rate, self.optimizer = rate, self

    @property
    def learning_rate(self) -> float:
        """The rate; what is set is kept in float32, as an optimizer does."""
        return float(self._rate.numpy())

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._rate.assign(value)


def make_rate(settings: Train) -> Any:
    """The learning rate of a run: a number where it is constant, else a function of the step, from 0."""
    said, rate = settings.schedule, settings.learning_rate
    after = _after_warmup(said, rate, max(settings.steps - said.warmup_steps, 1))
    return WarmUp(rate, said.warmup_steps, after) if said.warmup_steps else after or rate


def _after_warmup(said: Schedule, rate: float, steps: int) -> LearningRateSchedule | None:
    match said.name:
        case "cosine":
            return keras.optimizers.schedules.CosineDecay(rate, steps, alpha=said.alpha)
        case "step":
            values = [rate * said.factor**fall for fall in range(len(said.at) + 1)]
            return keras.optimizers.schedules.PiecewiseConstantDecay(
                [round(place * steps) for place in said.at], values
            )
        case "exponential":
            return keras.optimizers.schedules.ExponentialDecay(rate, said.decay_steps, said.decay_rate, said.staircase)
        case "plateau":
            return Plateau(rate, said)
    return None


def plateau_of(rate: Any) -> Plateau | None:
    """The part of a learning rate that waits for validation losses; None without one."""
    found = rate.after if isinstance(rate, WarmUp) else rate
    return found if isinstance(found, Plateau) else None

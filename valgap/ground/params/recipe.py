"""The optimizer and its learning rate's schedule, as `train.optimizer` and `train.schedule` say them: a name, or a
mapping of a name and what belongs to it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from valgap.ground.params.fields import Fraction, Natural, NonNegative, Positive
from valgap.ground.params.schema import STRICT
from valgap.ground.records import Plain

Argument = bool | int | float | str | None
Inside = Annotated[float, Field(gt=0, lt=1)]
OURS = {  # arguments of Keras's optimizers that are settings of their own here
    "learning_rate": "train.learning_rate",
    "use_ema": "train.ema_momentum",
    "ema_momentum": "train.ema_momentum",
    "ema_overwrite_frequency": "train.ema_momentum",
    "loss_scale_factor": "train.precision",
}
BELONGS = {  # what a schedule of each name is made of; warmup_steps belongs to all
    "constant": (),
    "cosine": ("alpha",),
    "step": ("at", "factor"),
    "exponential": ("decay_steps", "decay_rate", "staircase"),
    "plateau": ("factor", "patience", "min_delta", "cooldown", "min_rate"),
}
NEEDS = {"step": ("at",), "exponential": ("decay_steps", "decay_rate")}


@dataclass(frozen=True, config=STRICT)
class Optimizer:
    """A name of keras.optimizers, in any case, and its arguments by name, in their order.

    Gradients are clipped by Keras's arguments clipnorm, global_clipnorm and clipvalue.
    """

    name: Annotated[str, Field(min_length=1)]
    arguments: tuple[tuple[str, Argument], ...] = ()

    def __post_init__(self) -> None:
        for name, _ in self.arguments:
            if name in OURS:
                raise ValueError(f"{name} is said by {OURS[name]}: leave it out here")

    @property
    def said(self) -> "str | Plain":
        """As params.yaml says it: the name alone where it has no arguments."""
        return {"name": self.name, **dict(self.arguments)} if self.arguments else self.name


@dataclass(frozen=True, config=STRICT)
class Schedule:
    """How the learning rate goes on from `train.learning_rate`, after a linear warm-up from 0 over `warmup_steps`.

    `constant`. `cosine`: to `alpha` times the rate at the last step (Loshchilov and Hutter 2017). `step`: times
    `factor` at each of `at`, fractions of all steps. `exponential`: times decay_rate ** (step / decay_steps), the
    exponent rounded down where `staircase`. `plateau`: times `factor`, not below `min_rate`, where validation loss,
    looked at after each epoch, has not fallen by `min_delta` for `patience` epochs, and then not for `cooldown`.
    The words and formulas are those of keras.optimizers.schedules and keras.callbacks.ReduceLROnPlateau.
    """

    name: Literal["constant", "cosine", "step", "exponential", "plateau"]
    warmup_steps: Natural = 0
    alpha: Fraction = 0.0
    at: tuple[Inside, ...] = ()
    factor: Inside = 0.1
    decay_steps: Natural = 0
    decay_rate: NonNegative = 0.0
    staircase: bool = False
    patience: Positive = 10
    min_delta: NonNegative = 0.0001
    cooldown: Natural = 0
    min_rate: NonNegative = 0.0

    def __post_init__(self) -> None:
        if missing := [key for key in NEEDS.get(self.name, ()) if not getattr(self, key)]:
            raise ValueError(f"{self.name} needs {', '.join(missing)}")
        if list(self.at) != sorted(set(self.at)):
            raise ValueError(f"at = {list(self.at)} must rise")

    @property
    def said(self) -> "str | Plain":
        """As params.yaml says it: what belongs to the name, or the name alone where all of it is the default."""
        belongs = ("warmup_steps", *BELONGS[self.name])
        default = Schedule.__dataclass_fields__
        found = {key: getattr(self, key) for key in belongs if getattr(self, key) != default[key].default}
        return {"name": self.name, **found} if found else self.name


def _optimizer(raw: Any) -> Any:
    if isinstance(raw, str):
        return {"name": raw}
    if isinstance(raw, Mapping):
        return {
            "name": raw.get("name"),
            "arguments": tuple((key, value) for key, value in raw.items() if key != "name"),
        }
    return raw


def _schedule(raw: Any) -> Any:
    if isinstance(raw, str):
        return {"name": raw}
    if not isinstance(raw, Mapping):
        return raw
    known = ("name", "warmup_steps", *BELONGS.get(str(raw.get("name")), tuple(raw)))
    if strange := [key for key in raw if key not in known]:
        raise ValueError(f"{raw['name']} takes no {', '.join(map(str, strange))} (allowed: {', '.join(known[1:])})")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}


OfOptimizer = Annotated[Optimizer, BeforeValidator(_optimizer)]
OfSchedule = Annotated[Schedule, BeforeValidator(_schedule)]

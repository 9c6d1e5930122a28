"""How a model was compiled, read from its file or from the model in hand; nothing is compiled for it."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from valgap.check.loading.files import look_into

WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
SHORT = {  # what Keras takes a short name for
    "mse": "mean_squared_error", "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error", "bce": "binary_crossentropy", "kld": "kl_divergence", "acc": "accuracy",
    "kullback_leibler_divergence": "kl_divergence",
}  # fmt: skip
EQUAL = "Accuracy"  # the class keras.metrics.Accuracy, which is another thing than the name "accuracy"
OF_LOGITS = ("crossentropy",)  # losses that take from_logits, by the end of their name


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What `compile` was told; None and empty where it was told nothing, or each output its own.

    Names are Keras's, in lower case with underscores; `from_logits` is None where the loss has no such choice.
    The metric `Accuracy` is the class keras.metrics.Accuracy, `accuracy` the name for which Keras chooses by shapes.
    """

    loss: str | None = None
    from_logits: bool | None = None
    metrics: tuple[str, ...] = ()
    optimizer: str | None = None
    learning_rate: float | None = None


def compiled_in_file(path: Path) -> Compiled | None:
    """How the model saved at `path` was compiled; None where it was not, or the file does not say.

    Raises SuiteError where there is no model.
    """
    training = look_into(path).training
    return None if training is None else read(training)


def compiled_of(model: Any) -> Compiled | None:
    """How a keras.Model or tf_keras.Model in hand was compiled; None where it was not."""
    if getattr(model, "optimizer", None) is None or not hasattr(model, "get_compile_config"):
        return None
    try:
        config = model.get_compile_config()
    except Exception:  # a loss or a metric of the user's that cannot be described
        config = {}
    config = dict(config or {})
    if not config.get("loss"):
        config["loss"] = getattr(model, "loss", None)
    if not config.get("optimizer"):
        config["optimizer"] = model.optimizer
    return read(config)


def read(config: Mapping[str, Any]) -> Compiled:
    """What a compile configuration of Keras 2 or 3 says, from .keras, HDF5 or a model."""
    losses = [*_leaves(config.get("loss"))]
    each = {(_name(loss), _from_logits(loss)) for loss in losses}
    loss, from_logits = each.pop() if len(each) == 1 else (None, None)
    optimizer = config.get("optimizer_config") or config.get("optimizer")
    return Compiled(
        loss=loss,
        from_logits=from_logits,
        metrics=tuple(dict.fromkeys(filter(None, (_name(metric) for metric in _leaves(config.get("metrics")))))),
        optimizer=None if optimizer is None else _name(optimizer),
        learning_rate=_rate(optimizer),
    )


def _leaves(value: Any) -> Iterator[Any]:
    """Losses or metrics one by one: alone, in lists, or in mappings by output."""
    if value is None:
        return
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, Mapping) and "class_name" not in value:
        for part in value.values():
            yield from _leaves(part)
    else:
        yield value


def _name(value: Any) -> str | None:
    """The name of a loss, metric or optimizer: a text, its description, itself, or a function."""
    if isinstance(value, Mapping):
        called = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
        wrapped = value.get("config")
        if called in ("MeanMetricWrapper", "LossFunctionWrapper") and isinstance(wrapped, Mapping):
            return _name(wrapped.get("fn") or wrapped.get("name"))
        return _plain(str(called), is_class=value.get("class_name") != "function")
    if isinstance(value, str):
        return _plain(value, is_class=False)
    if isinstance(value, type) or not hasattr(value, "__name__"):
        return _plain((value if isinstance(value, type) else type(value)).__name__, is_class=True)
    return _plain(value.__name__, is_class=False)


def _plain(name: str, is_class: bool) -> str:
    name = name.rpartition(">")[2]
    if is_class and name == EQUAL:
        return EQUAL
    lower = WORD.sub("_", name).lower()
    return SHORT.get(lower, lower)


def _from_logits(loss: Any) -> bool | None:
    name = _name(loss) or ""
    if not name.endswith(OF_LOGITS):
        return None
    if isinstance(loss, Mapping):
        config = loss.get("config")
        return bool(config.get("from_logits", False)) if isinstance(config, Mapping) else False
    if isinstance(loss, str) or hasattr(loss, "__name__"):
        return False
    return bool(getattr(loss, "from_logits", None) or getattr(loss, "_fn_kwargs", {}).get("from_logits", False))


def _rate(optimizer: Any) -> float | None:
    """The learning rate where it is a number; a schedule has none."""
    if isinstance(optimizer, Mapping):
        config = optimizer.get("config")
        rate = config.get("learning_rate", config.get("lr")) if isinstance(config, Mapping) else None
    else:
        rate = getattr(optimizer, "learning_rate", None)
    try:
        number = float(rate) if rate is not None and not isinstance(rate, (Mapping, str)) else math.nan
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None

"""The optimizer: any of Keras's by name; Adam and SGD by one kernel a weight; loss scaling for half precision."""

import difflib
import inspect
from typing import Any

import keras
import tensorflow as tf

from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Train
from valgap.ground.params.recipe import Optimizer
from valgap.training.network.structure import is_kernel
from valgap.training.schedule import make_rate


class OneKernel:
    """A weight and what an optimizer keeps of it, for TensorFlow's one kernel instead of a dozen operations."""

    @staticmethod
    def weight_of(variable: Any) -> Any:
        """TensorFlow's variable behind Keras's."""
        return variable.value if isinstance(variable, keras.Variable) else variable

    @staticmethod
    def gradient_of(gradient: Any, kind: tf.DType) -> tf.Tensor:
        """Dense where an embedding gives slices: Keras squares repeated rows one by one, and not their sum."""
        return tf.cast(tf.convert_to_tensor(gradient), kind)


class AdamKernel(OneKernel):
    """Keras's Adam (Kingma and Ba 2015) by ResourceApplyAdam.

    The formula is the same, epsilon's place included, and so are the variables; results differ by float32 rounding.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        """One step on all weights; the powers of the betas, which they share, are taken once."""
        self._powers: dict[tf.DType, tuple[tf.Tensor, tf.Tensor]] = {}
        return super().apply(grads, trainable_variables)  # type: ignore[misc]

    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one weight, and its two moments, by its gradient."""
        number, weight = self._get_variable_index(variable), self.weight_of(variable)
        momentum, velocity = self._momentums[number].value, self._velocities[number].value
        kind = weight.dtype
        if kind not in self._powers:
            step = tf.cast(self.iterations + 1, kind)
            self._powers[kind] = tuple(tf.pow(tf.cast(beta, kind), step) for beta in (self.beta_1, self.beta_2))
        beta1_power, beta2_power = self._powers[kind]
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=beta1_power,
            beta2_power=beta2_power,
            lr=tf.cast(learning_rate, kind),
            beta1=tf.cast(self.beta_1, kind),
            beta2=tf.cast(self.beta_2, kind),
            epsilon=tf.cast(self.epsilon, kind),
            grad=self.gradient_of(gradient, kind),
        )


class FusedAdam(AdamKernel, keras.optimizers.Adam):  # type: ignore[misc]
    """Adam; with `weight_decay` Keras decays in the base class, before the update."""


class FusedAdamW(AdamKernel, keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW (Loshchilov and Hutter 2019) with Keras's own default decay, of all weights."""


class FusedSGD(OneKernel, keras.optimizers.SGD):  # type: ignore[misc]
    """Keras's SGD, with momentum and Nesterov's too, by ResourceApplyKerasMomentum or ResourceApplyGradientDescent."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one weight, and its momentum, by its gradient."""
        weight = self.weight_of(variable)
        kind = weight.dtype
        rate, change = tf.cast(learning_rate, kind), self.gradient_of(gradient, kind)
        if not self.momentum:
            tf.raw_ops.ResourceApplyGradientDescent(var=weight.handle, alpha=rate, delta=change)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=weight.handle,
            accum=self.momentums[self._get_variable_index(variable)].value.handle,
            lr=rate,
            grad=change,
            momentum=tf.cast(self.momentum, kind),
            use_nesterov=self.nesterov,
        )


FUSED = {"adam": FusedAdam, "adamw": FusedAdamW, "sgd": FusedSGD}
NOT_FUSED = ("amsgrad", "gradient_accumulation_steps")  # arguments whose formula no kernel has
NO_WAY = ("ScheduleFreeAdamW",)  # which keeps the weights to be scored beside those that it trains
KINDS: dict[str, Any] = {  # that have a learning rate; the base class has no update
    name.lower(): kind
    for name, kind in vars(keras.optimizers).items()
    if inspect.isclass(kind)
    and issubclass(kind, keras.optimizers.Optimizer)
    and "learning_rate" in inspect.signature(kind.__init__).parameters
    and kind is not keras.optimizers.Optimizer
    and name not in NO_WAY
}


def make_optimizer(settings: Train, variables: list[keras.Variable], rate: Any = None) -> keras.Optimizer:
    """The optimizer of a run, at the learning rate `rate`, a number or a schedule; None for that of `settings`.

    With `settings.weight_decay` kernels decay by learning rate x weight decay a step, decoupled from the gradient
    (Loshchilov and Hutter 2019); `variables` are those that it will train: biases and scales among them do not decay.
    With `mixed_float16` the loss is scaled, so that small gradients do not vanish (Micikevicius et al. 2018). Raises
    SuiteError on a name that keras.optimizers lacks, and on arguments that it does not take.
    """
    said = dict(settings.optimizer.arguments)
    if settings.weight_decay:
        if "weight_decay" in said:
            raise _refusal(settings.optimizer, "its weight_decay and train.weight_decay are two answers", "keep one")
        said["weight_decay"] = settings.weight_decay
    if settings.ema_momentum:
        said |= {"use_ema": True, "ema_momentum": settings.ema_momentum}
    kind = _kind(settings.optimizer)
    try:
        optimizer = kind(make_rate(settings) if rate is None else rate, **said)
    except (TypeError, ValueError) as error:
        raise _refusal(settings.optimizer, f"{kind.__name__} refuses its arguments: {error}", "mend them") from None
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=[variable for variable in variables if not is_kernel(variable)])
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _kind(said: Optimizer) -> Any:
    """The class of a name, one kernel a weight where there is one; SuiteError on a name or an argument not known."""
    name, arguments = said.name.lower(), dict(said.arguments)
    if name not in KINDS:
        close = difflib.get_close_matches(name, KINDS, n=3) or sorted(KINDS)
        raise _refusal(said, "keras.optimizers has none of that name", f"name one that it has: {', '.join(close)}")
    takes = [key for key in inspect.signature(KINDS[name].__init__).parameters if key not in ("self", "kwargs")]
    if strange := [key for key in arguments if key not in takes]:
        raise _refusal(said, f"it takes no {', '.join(strange)}", f"it takes {', '.join(takes)}")
    is_plain = not any(arguments.get(key) for key in NOT_FUSED)
    return FUSED.get(name, KINDS[name]) if is_plain else KINDS[name]


def _refusal(said: Optimizer, why: str, cure: str) -> SuiteError:
    return SuiteError(key="train.optimizer", value=said.said, why=why, cure=cure)

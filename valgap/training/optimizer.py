"""The optimizer: Keras's Adam and AdamW with one kernel a weight, and loss scaling for half precision."""

from typing import Any

import keras
import tensorflow as tf

from valgap.ground.params.experiment import Train
from valgap.training.network.structure import is_kernel


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras's Adam (Kingma and Ba 2015) whose update of a weight is TensorFlow's one kernel instead of 14 operations.

    The formula is the same, epsilon's place included, and so are the variables; results differ by float32 rounding.
    With `weight_decay` it is AdamW: Keras decays in the base class, before the update.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        """One step on all weights; the powers of the betas, which they share, are taken once."""
        self._powers: dict[tf.DType, tuple[tf.Tensor, tf.Tensor]] = {}
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one weight, and its two moments, by its gradient."""
        number = self._get_variable_index(variable)
        weight = variable.value if isinstance(variable, keras.Variable) else variable
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
            # Dense where an embedding gives slices: Keras squares repeated rows one by one, and not their sum.
            grad=tf.cast(tf.convert_to_tensor(gradient), kind),
        )


def make_optimizer(settings: Train, variables: list[keras.Variable]) -> keras.Optimizer:
    """Adam, or AdamW (Loshchilov and Hutter 2019) where kernels decay, by learning rate x weight decay a step.

    `variables` are those that it will train: the kernels among them decay, biases and scales do not. With
    `mixed_float16` the loss is scaled, so that small gradients do not vanish (Micikevicius et al. 2018).
    """
    rate: Any = settings.learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, settings.steps)
    average = {"use_ema": True, "ema_momentum": settings.ema_momentum} if settings.ema_momentum else {}
    optimizer = FusedAdam(rate, weight_decay=settings.weight_decay or None, **average)
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=[variable for variable in variables if not is_kernel(variable)])
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer

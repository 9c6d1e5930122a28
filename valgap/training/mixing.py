"""Keras's augmentations, of training batches only, outside the model: RandAugment, random erasing, MixUp, CutMix."""

import keras
import tensorflow as tf
from keras import layers

from valgap.ground.params.experiment import Train
from valgap.training.augment import augment
from valgap.training.loop import Augment


class PerImageRandAugment(layers.RandAugment):  # type: ignore[misc]
    """Keras's RandAugment draws its operations once a batch; this one draws them for each image."""

    def get_random_transformation(self, data, training=True, seed=None):  # type: ignore[no-untyped-def]
        """Keras's draw, with the indices of the operations of shape (operations, batch, 1, 1, 1)."""
        drawn = super().get_random_transformation(data, training=training, seed=seed)
        images = data["images"] if isinstance(data, dict) else data
        shape = (self.num_ops, images.shape[0], 1, 1, 1)
        drawn["layer_idxes"] = keras.random.randint(shape, 0, len(self._AUGMENT_LAYERS), seed=self.generator)
        return drawn


def make_augment(settings: Train) -> tuple[Augment, list[keras.Variable]]:
    """All that happens to a training batch, and the seed states (uint32 pairs) to set before a replicate.

    The function maps (float32 images in [0, 1], one-hot targets float32, int32 seed pair) to images and
    targets: the affine warp, then RandAugment (Cubuk et al. 2020), random erasing (Zhong et al. 2020),
    MixUp (Zhang et al. 2018) and CutMix (Yun et al. 2019), those that `settings` asks for.
    """
    chosen: list[keras.Layer] = []
    if settings.rand_augment:
        chosen.append(PerImageRandAugment(value_range=(0, 1), factor=settings.rand_augment, seed=0))
    if settings.random_erasing:
        probability = (settings.random_erasing,) * 2  # Keras draws the probability itself from such a range
        chosen.append(layers.RandomErasing(factor=probability, value_range=(0, 1), seed=0))
    if settings.mixup:
        chosen.append(layers.MixUp(alpha=settings.mixup, seed=0))
    if settings.cutmix:
        chosen.append(layers.CutMix(factor=(settings.cutmix,) * 2, seed=0))  # likewise, of alpha

    def whole(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = augment(images, settings.augmentation, seed)
        for layer in chosen:
            mixed = layer({"images": images, "labels": targets}, training=True)
            images, targets = mixed["images"], mixed["labels"]
        return images, targets

    return whole, [layer.generator.state for layer in chosen]

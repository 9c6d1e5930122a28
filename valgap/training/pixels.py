"""From pixels in [0, 1] to the values that the network trains on: one factor and one offset a channel."""

import dataclasses

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Train
from valgap.training.examples import Examples

# Of ImageNet, as keras.applications.imagenet_utils.preprocess_input has them: of 0 to 255 in the order blue, green,
# red, and of 0 to 1 in the order red, green, blue.
CAFFE_MEAN = (103.939, 116.779, 123.68)
TORCH_MEAN, TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COLOURS = 3
REVERSED = "caffe"  # the mode whose channels are blue, green, red
SYMMETRIC = 2.0, -1.0
FIXED = {"unit": (1.0, 0.0), "pixels": (255.0, 0.0), "symmetric": SYMMETRIC, "tf": SYMMETRIC}  # factor, offset
LEAST = 1e-7  # deviation of a channel that has one colour, as keras.layers.Normalization has it


@dataclasses.dataclass(frozen=True)
class Affine:
    """For pixels in [0, 1]: factor and offset of each channel, float32 (channels,); `reverse` turns the order."""

    factor: NDArray[np.float32]
    offset: NDArray[np.float32]
    reverse: bool = False


def affine_of(settings: Train, examples: Examples) -> Affine:
    """What `settings.normalize` does to pixels; `statistics` are those of the `examples`.

    `unit` leaves [0, 1]; `pixels` gives [0, 255], `symmetric` and `tf` [-1, 1]; `torch` and `caffe` are ImageNet's
    means, as keras.applications has them; `statistics` gives each channel mean 0 and deviation 1 over the images that
    a replicate learns from. Raises SuiteError on ImageNet's means of images that are not in colour.
    """
    channels, mode = examples.images.shape[-1], settings.normalize
    if mode in ("torch", "caffe") and channels != COLOURS:
        why = f"it has means of three colours, and the images have {channels} channel"
        raise SuiteError(key="train.normalize", value=mode, why=why, cure="set data.color to rgb, or normalize to unit")
    if mode == "statistics":
        means, deviations = _statistics(examples)
        return _affine(1 / deviations, -means / deviations)
    if mode == "torch":
        return _affine(1 / np.array(TORCH_DEVIATION), -np.array(TORCH_MEAN) / TORCH_DEVIATION)
    if mode == "caffe":
        return _affine(np.full(COLOURS, 255.0), -np.array(CAFFE_MEAN), reverse=True)
    factor, offset = FIXED[mode]
    return _affine(np.full(channels, factor), np.full(channels, offset))


def _affine(factor: NDArray[np.float64], offset: NDArray[np.float64], reverse: bool = False) -> Affine:
    return Affine(factor.astype(np.float32), offset.astype(np.float32), reverse)


def _statistics(examples: Examples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel in [0, 1], float64 (channels,), from counts of the 256 values."""
    values = np.arange(256) / 255
    shares = np.zeros((examples.images.shape[-1], 256), np.int64)
    for images in examples.batches():
        shares += [np.bincount(pixels.ravel(), minlength=256) for pixels in np.moveaxis(images, -1, 0)]
    means = np.array([np.average(values, weights=counts) for counts in shares])
    variances = [np.average((values - mean) ** 2, weights=counts) for mean, counts in zip(means, shares, strict=True)]
    return means, np.maximum(np.sqrt(variances), LEAST)


class Pixels:
    """An affine map of the channels of a batch, set for each replicate; `unit` leaves a batch as it is."""

    def __init__(self, settings: Train, channels: int) -> None:
        self.is_identity, self.reverse = settings.normalize == "unit", settings.normalize == REVERSED
        self.factor, self.offset = (tf.Variable(tf.zeros(channels), trainable=False) for _ in range(2))

    def set(self, found: Affine) -> None:
        """Use these factors and offsets from now on."""
        self.factor.assign(found.factor)
        self.offset.assign(found.offset)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """float32 (n, height, width, channels) in [0, 1] to what the network takes, of the same shape."""
        if self.is_identity:
            return images
        ordered = images[..., ::-1] if self.reverse else images
        return ordered * self.factor + self.offset

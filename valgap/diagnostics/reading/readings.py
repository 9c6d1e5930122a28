"""Ways in which training may have read images, and what each makes of decoded pixels. Pure functions."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]  # (n, height, width, channels), decoded: RGB or grey, 0 to 255
Scale = Literal["fed", "0-1", "-1-1", "0-255", "torch", "caffe", "channel", "image"]
PLAIN: tuple[Scale, ...] = ("0-1", "-1-1", "0-255")  # preprocessing that is nothing but a range
GREY: tuple[Scale, ...] = (*PLAIN, "channel", "image")
COLOUR: tuple[Scale, ...] = (*PLAIN, "torch", "caffe", "channel", "image")
# keras.applications.imagenet_utils.preprocess_input, Keras 3.15.1: means of ImageNet, in RGB order
CAFFE_MEAN = (123.68, 116.779, 103.939)
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to read. Its defaults are what `keras.utils.image_dataset_from_directory` does, pixels then in [0, 1].

    `caffe` of keras.applications is the scale `caffe` of `bgr` channels, `tf` is -1-1.
    """

    scale: Scale = "0-1"
    channels: Literal["rgb", "bgr"] = "rgb"
    inverted: bool = False
    upright: bool = False  # turned as the EXIF orientation says
    alpha: Literal["drop", "white", "black"] = "drop"
    filter: Literal["bilinear", "nearest", "antialias"] = "bilinear"
    aspect: Literal["stretch", "crop", "pad"] = "stretch"

    def but(self, **changes: Any) -> "Reading":
        """The same with other values of some factors."""
        return dataclasses.replace(self, **changes)

    @property
    def decoding(self) -> "Decoded":
        """The part that is decided when a file is decoded."""
        return self.upright, self.alpha, self.filter, self.aspect


Decoded = tuple[bool, str, str, str]
FACTORS = ("channels", "inverted", "upright", "alpha", "filter", "aspect")  # beside the scale; each has a default
DEFAULT = Reading()
DECODED = ("upright", "alpha", "filter", "aspect")


@dataclasses.dataclass(frozen=True)
class Space:
    """What can be told apart on these images: the values of each factor that change any pixel, defaults first.

    `scales` are tried one by one; the others of `values` by name of the factor.
    """

    scales: tuple[Scale, ...]
    values: dict[str, tuple[Any, ...]]

    def pixel_readings(self) -> Iterator[Reading]:
        """All that one decoding can be read as, by scale, channels and inversion."""
        for scale, channels, inverted in itertools.product(
            self.scales, self.values["channels"], self.values["inverted"]
        ):
            yield Reading(scale=scale, channels=channels, inverted=inverted)

    def decodings(self) -> Iterator[dict[str, Any]]:
        """All values of the factors of decoding together, the default first."""
        for values in itertools.product(*(self.values[name] for name in DECODED)):
            yield dict(zip(DECODED, values, strict=True))


def space(
    channels: int,
    *,
    scales: tuple[Scale, ...] | None = None,
    turned: bool = False,
    transparent: bool = False,
    resized: bool = False,
    reshaped: bool = False,
) -> Space:
    """What to try on images of so many channels.

    `turned`: some carry an EXIF orientation; `transparent`: some pixels are not opaque; `resized`: some have another
    size than the model takes; `reshaped`: another ratio of height to width, too.
    """
    values: dict[str, tuple[Any, ...]] = {
        "channels": ("rgb", "bgr") if channels == 3 else ("rgb",),
        "inverted": (False, True),
        "upright": (False, True) if turned else (False,),
        "alpha": ("drop", "white", "black") if transparent else ("drop",),
        "filter": ("bilinear", "nearest", "antialias") if resized else ("bilinear",),
        "aspect": ("stretch", "crop", "pad") if reshaped else ("stretch",),
    }
    return Space(scales or (COLOUR if channels == 3 else GREY), values)


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What scales need to know of the training images: mean and spread of each channel, float32 (channels,).

    `fed` is (factor, offset) from decoded pixels to those that an object feeds.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    fed: tuple[float, float] = (1.0, 0.0)


def statistics(pixels: NDArray[np.uint8], fed: tuple[float, float] = (1.0, 0.0)) -> Statistics:
    """Those of decoded training images (n, height, width, channels), at least one."""
    mean = pixels.mean(axis=(0, 1, 2), dtype=np.float64)
    spread = pixels.std(axis=(0, 1, 2), dtype=np.float64)
    return Statistics(mean.astype(np.float32), np.maximum(spread, 1e-3).astype(np.float32), fed)


def apply(reading: Reading, pixels: NDArray[Any], known: Statistics) -> Pixels:
    """What the model is given, float32 of the same shape, for decoded pixels that follow `reading`'s decoding."""
    images = np.asarray(pixels, np.float32)
    mean, spread = known.mean, known.spread
    if reading.inverted:
        images, mean = 255 - images, 255 - mean
    if reading.channels == "bgr":
        images, mean, spread = images[..., ::-1], mean[::-1], spread[::-1]
    return np.ascontiguousarray(_scaled(reading, images, mean, spread, known.fed), np.float32)


def _scaled(
    reading: Reading, images: Pixels, mean: NDArray[np.float32], spread: NDArray[np.float32], fed: tuple[float, float]
) -> NDArray[Any]:
    def ordered(values: tuple[float, ...]) -> NDArray[np.float32]:
        return np.array(values if reading.channels == "rgb" else values[::-1], np.float32)

    match reading.scale:
        case "fed":
            return images * np.float32(fed[0]) + np.float32(fed[1])
        case "0-1":
            return images / np.float32(255)
        case "-1-1":
            return images / np.float32(127.5) - np.float32(1)
        case "0-255":
            return images
        case "torch":
            return (images / np.float32(255) - ordered(TORCH_MEAN)) / ordered(TORCH_STD)
        case "caffe":
            return images - ordered(CAFFE_MEAN)
        case "channel":
            return (images - mean) / spread
        case "image":  # tf.image.per_image_standardization
            each = images.reshape(len(images), -1)
            shape = (len(images), 1, 1, 1)
            least = np.float32(1 / np.sqrt(each.shape[1]))
            return (images - each.mean(axis=1).reshape(shape)) / np.maximum(each.std(axis=1), least).reshape(shape)

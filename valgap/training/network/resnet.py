"""A small residual network: ResNet-20 for small images of He et al. 2016, "Deep Residual Learning", section 4.2."""

import keras
from keras import layers, ops

from valgap.training.network.contract import Knobs

FILTERS = (16, 32, 64)  # of the three stages; the later two halve height and width
BLOCKS = 3  # a stage, of two convolutions each: 6 * 3 + 2 = 20 layers


def build(input_shape: tuple[int, int, int], classes: int, knobs: Knobs) -> keras.Model:
    """ResNet-20 with parameter-free shortcuts (option A), for images from 8 x 8 pixels up.

    With `batch_norm` and the `pooling` head it is the paper's: 271,098 parameters on (32, 32, 3), 10 classes, 269,722
    of them trained. Without batch normalisation the last convolution of a block starts at zero, so that the block
    starts as its shortcut and depth does not blow up the activations (Zhang et al. 2019, "Fixup Initialization").
    The `flatten` head has a hidden layer of 128, as the CNN's; `dropout` acts after the first and the second
    stage and before the output layer; `width` multiplies filters and hidden units. Takes float32 batches
    (n, *input_shape) in [0, 1] and returns logits (n, classes).
    """

    def units(count: int) -> int:
        return max(round(count * knobs.width), 1)

    def convolution(values: keras.KerasTensor, filters: int, stride: int = 1, last: bool = False) -> keras.KerasTensor:
        if knobs.batch_norm:
            linear = layers.Conv2D(filters, 3, stride, "same", use_bias=False, kernel_initializer="he_normal")
            return layers.BatchNormalization()(linear(values))
        start = "zeros" if last else "he_normal"
        return layers.Conv2D(filters, 3, stride, "same", kernel_initializer=start)(values)

    def block(values: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
        inner = layers.ReLU()(convolution(values, filters, stride))
        inner = convolution(inner, filters, last=True)
        if stride != 1:
            values = layers.MaxPooling2D(1, stride)(values)  # every second pixel
        added = filters - values.shape[-1]
        if added:
            values = ops.pad(values, ((0, 0), (0, 0), (0, 0), (0, added)))
        return layers.ReLU()(layers.Add()([values, inner]))

    images = keras.Input(input_shape)
    values = layers.ReLU()(convolution(images, units(FILTERS[0])))
    for stage, filters in enumerate(FILTERS):
        for number in range(BLOCKS):
            values = block(values, units(filters), stride=2 if stage and not number else 1)
        if stage < 2 and knobs.dropout[stage]:
            values = layers.Dropout(knobs.dropout[stage])(values)
    if knobs.head == "pooling":
        values = layers.GlobalAveragePooling2D()(values)
    else:
        values = layers.Dense(units(128), activation="relu")(layers.Flatten()(values))
    if knobs.dropout[2]:
        values = layers.Dropout(knobs.dropout[2])(values)
    return keras.Model(images, layers.Dense(classes)(values))

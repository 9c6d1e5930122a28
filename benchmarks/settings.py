"""The source's network and recipe, whatever baseline params.yaml declares in this workspace.

Reads params.yaml (train), for what is not the recipe's: the learning curve and the evaluation policies.
"""

import dataclasses

from benchmarks.images import BATCH, LEARNING_RATE
from valgap.ground import paths
from valgap.ground.params.experiment import Augmentation, Model, Train
from valgap.ground.params.schema import parse, read_yaml
from valgap.ground.streams import training_numbers
from valgap.training.recipe import Streams

SOURCE_CNN = Model(builder="cnn", files="valgap/training", weights=None)
SHAPE = (28, 28, 1)
STREAMS = Streams(0, tuple(training_numbers().items()))
AUGMENTATION = Augmentation(20.0, 0.2, 0.2, 0.2, 0.2, True)
GENERATOR = {  # the same, in the words of Keras's ImageDataGenerator
    "rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 0.2,
    "zoom_range": 0.2, "horizontal_flip": True, "fill_mode": "nearest",
}  # fmt: skip


def source_recipe() -> Train:
    """Adam at a constant rate on the source's CNN, float32, without any remedy, for a few steps."""
    declared = parse(Train, read_yaml(paths.PARAMS).get("train"), "train")
    return dataclasses.replace(
        declared, steps=20, curve_points=2, batch_size=BATCH, learning_rate=LEARNING_RATE, schedule="constant",
        train_size_factor=1, resplit=False, long_tail=1, class_remedy="none", width=1, head="flatten", frozen=0,
        head_rate_factor=1, batch_norm=False, dropout=(0, 0, 0), l1_penalty=0, l2_penalty=0, weight_decay=0,
        label_smoothing=0, ema_momentum=0, augmentation=Augmentation(), rand_augment=0, random_erasing=0, mixup=0,
        cutmix=0, early_stopping=False, precision="float32",
    )  # fmt: skip

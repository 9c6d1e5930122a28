"""The source's network and recipe, whatever baseline params.yaml declares in this workspace.

Reads params.yaml (train), for what is not the recipe's: the learning curve and the evaluation policies.
"""

import dataclasses

from benchmarks.images import BATCH, LEARNING_RATE
from benchmarks.networks import Network
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
    "rotation_range": 20,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 0.2,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}


def model_of(network: Network) -> Model:
    """Its builder, with random weights where it takes some."""
    weights = "random" if network.builder.startswith("applications:") else None
    return Model(builder=network.builder, files=network.files, weights=weights)


def recipe_of(network: Network) -> Train:
    """The source's recipe with the network's own settings; nothing is scored beside training."""
    plain = dataclasses.replace(source_recipe(), evaluation_policies={})
    return dataclasses.replace(plain, **network.settings)  # type: ignore[arg-type]


def source_recipe() -> Train:
    """Adam at a constant rate on the source's CNN, float32, without any remedy, for a few steps."""
    declared = parse(Train, read_yaml(paths.PARAMS).get("train"), "train")
    return Train(
        steps=20,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        curve_points=2,
        curve_train_images=declared.curve_train_images,
        evaluation_policies=declared.evaluation_policies,
    )

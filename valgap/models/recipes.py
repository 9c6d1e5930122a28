"""Does Keras take every optimizer and schedule, and do the images have what the normalization asks for?"""

import numpy as np

from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Train
from valgap.training.examples import Examples
from valgap.training.network.contract import Shape
from valgap.training.optimizer import make_optimizer
from valgap.training.pixels import affine_of


def check_recipes(image_shape: Shape, variants: dict[str, Train]) -> None:
    """Make every variant's optimizer and look at its normalization. Raises SuiteError listing all that are refused."""
    example = Examples(np.zeros((1, *image_shape), np.uint8), np.zeros(1, np.int64))
    refused: dict[str, list[str]] = {}
    for name, settings in variants.items():
        try:
            make_optimizer(settings, [])
            affine_of(settings, example)
        except SuiteError as error:
            refused.setdefault(str(error), []).append(name)
    if refused:
        raise SuiteError("; ".join(f"variant {', '.join(names)}: {why}" for why, names in refused.items()))

"""Saves a trained model as one file to use elsewhere, and proves that Keras loads it back in safe mode, as it was.

Writes the file; needs a started TensorFlow.
"""

import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from valgap.ground.errors import SuiteError

if TYPE_CHECKING:  # which import TensorFlow
    from valgap.training.examples import Examples
    from valgap.training.pixels import Affine

TOLERANCE = 1e-4  # of a probability: pixels are divided by 255 in training and multiplied by 1/255 here
NAMED = (  # by Keras, of what it cannot save or load, the surest first
    re.compile(r"Could not locate (?:class|function) '([^']+)'"),
    re.compile(r"Object (\w+) was created"),
    re.compile(r".*<class '([\w.]+)'> could not be deserialized"),
)


def save(model: Any, input_shape: tuple[int, ...], pixels: "Affine", file: Path) -> None:
    """Save a trained model, of normalized images to logits, as one of images in [0, 255] to class probabilities.

    `pixels` is what images in [0, 1] went through before it. Raises SuiteError naming a class that Keras cannot save.
    """
    import keras

    from valgap.training.network.contract import Logits

    network, activation = (model.network, model.activation) if isinstance(model, Logits) else (model, "")
    images = keras.Input(input_shape, name="images")
    outputs = network(_normalized(images, pixels))
    if not activation and outputs.shape[-1] == 1:
        outputs = keras.ops.sigmoid(keras.ops.cast(outputs, "float32"))
    elif not activation:
        outputs = keras.layers.Softmax(dtype="float32", name="probabilities")(outputs)
    if outputs.shape[-1] == 1:  # of the second of two classes
        outputs = keras.layers.Concatenate(name="probabilities")([1 - outputs, outputs])
    try:
        keras.Model(images, outputs).save(file)
    except Exception as error:  # a layer's own get_config may do anything
        raise not_saved(error) from None


def _normalized(images: Any, pixels: "Affine") -> Any:
    """Pixels in [0, 255] as the network takes them, by Keras's own layers."""
    import keras

    if pixels.reverse:
        images = keras.ops.flip(images, -1)
    factor, offset = ([float(value) for value in values] for values in (pixels.factor / 255, pixels.offset))
    one = len(set(factor)) == len(set(offset)) == 1
    return keras.layers.Rescaling(*((factor[0], offset[0]) if one else (factor, offset)), name="normalize")(images)


def prove(file: Path, examples: "Examples", probabilities: NDArray[np.float32]) -> None:
    """Load the file in safe mode and compare; raise SuiteError where it does not load or predicts other values."""
    import keras

    try:
        loaded = keras.saving.load_model(file, safe_mode=True)
        found = {
            kind: np.concatenate([loaded.predict(images.astype(kind), verbose=0) for images in examples.batches()])
            for kind in ("uint8", "float32")
        }
    except Exception as error:
        raise not_saved(error) from None
    for kind, values in found.items():
        difference = float(np.abs(values - probabilities).max())
        if not difference <= TOLERANCE:
            raise SuiteError(
                f"the saved model, loaded back, gives probabilities of {kind} images that differ by up to "
                f"{difference:.2g} from the trained model's: a layer's get_config() or its saved state is incomplete"
            )


def not_saved(error: Exception) -> SuiteError:
    """The error for a model that Keras cannot save and load back, from Keras's words."""
    text = " ".join(str(error).split())
    if "lambda" in text.lower():
        return SuiteError(
            "the model holds a Lambda layer or another Python lambda, which Keras does not load in safe mode: put that "
            "code into a layer of its own, decorated with @keras.saving.register_keras_serializable()"
        )
    found = next(filter(None, (pattern.search(text) for pattern in NAMED)), None)
    name = f"{found[1].rpartition('.')[2]!r}" if found else "a class"
    return SuiteError(
        f"the model holds {name}, which Keras cannot save and load back: decorate it with "
        "@keras.saving.register_keras_serializable() and give it a get_config() of all that its __init__ takes "
        f"({type(error).__name__}: {text[:200]})"
    )


def own_classes(file: Path) -> tuple[str, ...]:
    """Registered names of the classes and functions in a .keras file that are not Keras's, sorted."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            package = str(node.get("module")).partition(".")[0]
            if "class_name" in node and node.get("registered_name") and package not in ("keras", "builtins"):
                found.add(str(node["registered_name"]))
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                walk(each)

    with zipfile.ZipFile(file) as archive:
        walk(json.loads(archive.read("config.json")))
    return tuple(sorted(found))

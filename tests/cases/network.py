"""Tiny networks of two convolutions for the cases, trained for seconds by stock Keras."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from tests.cases.case import Place
from tests.cases.material import Images

Pixels = NDArray[Any]


def network(
    classes: int,
    shape: tuple[int, int, int] = (32, 32, 3),
    *,
    first: Sequence[Any] = (),
    batch_norm: bool | float = False,
    dropout: float = 0.0,
    last: str | None = "softmax",
    width: int = 8,
    seed: int = 1,
) -> Any:
    """Two convolutions, each with pooling, and two dense layers; `batch_norm` may be the momentum to use."""
    keras.utils.set_random_seed(seed)

    def normalised(layer: Any) -> list[Any]:
        norm = [layers.BatchNormalization(momentum=0.99 if batch_norm is True else batch_norm)] if batch_norm else []
        return [layer, *norm, layers.Activation("relu")]

    body: list[Any] = []
    for factor in (1, 2):
        body += [*normalised(layers.Conv2D(factor * width, 3, use_bias=not batch_norm)), layers.MaxPooling2D()]
    body += [layers.Flatten(), *normalised(layers.Dense(4 * width, use_bias=not batch_norm))]
    body += [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential([keras.Input(shape), *first, *body, layers.Dense(classes, activation=last)])


def compiled(
    model: Any, loss: Any = "sparse_categorical_crossentropy", optimizer: Any = None, metric: Any = "accuracy"
) -> Any:
    """The model, compiled with a metric that is called "accuracy"."""
    model.compile(optimizer or keras.optimizers.Adam(0.002), loss, metrics=[metric])
    return model


class Trained:
    """A model that was saved once, and the history of its training."""

    def __init__(self, path: Path) -> None:
        self.path = path / "model.keras"
        self.history: dict[str, list[float]] = json.loads((path / "history.json").read_text())

    @property
    def model(self) -> Any:
        """The model in memory, compiled as it was."""
        return keras.models.load_model(self.path)

    @property
    def saw(self) -> str:
        """What `fit` printed in the last epoch, as the command takes it."""
        return f"{self.history['accuracy'][-1]:.2f},{self.history['val_accuracy'][-1]:.2f}"


def trained(place: Place, name: str, make: Callable[[], tuple[Any, Any]], *, shared: bool = False) -> Trained:
    """The model of this name; `make` trains it, once, and returns it with what `fit` returned."""

    def save(path: Path) -> None:
        model, fitted = make()
        path.mkdir(parents=True)
        model.save(path / "model.keras")
        history = {key: [float(value) for value in values] for key, values in fitted.history.items()}
        (path / "history.json").write_text(json.dumps(history))

    return Trained(place.once(name, save, shared=shared))


def fitted(
    model: Any, x: Any, y: Any = None, val: Any = None, *, epochs: int = 10, seed: int = 1, **options: Any
) -> tuple[Any, Any]:
    """The model after `fit`, and what that returned."""
    keras.utils.set_random_seed(seed)
    return model, model.fit(x, y, validation_data=val, epochs=epochs, verbose=0, **options)


def right(model: Any, x: Pixels, y: NDArray[Any]) -> float:
    """The share of images that the model is right on, in inference mode; one score stands for class 1 above 0.5."""
    scores = np.asarray(model.predict(x, verbose=0, batch_size=64))
    found = scores.argmax(1) if scores.shape[-1] > 1 else (scores[:, 0] > 0.5).astype(int)
    return float(np.mean(found == y))


def unit(x: Pixels) -> Pixels:
    """Pixels in [0, 1]."""
    return x.astype(np.float32) / 255


def signed(x: Pixels) -> Pixels:
    """Pixels in [-1, 1]."""
    return (x.astype(np.float32) - 127.5) / 127.5


def shares(model: Any, train: Images, val: Images) -> dict[str, float]:
    """The shares of training and validation images that a model of pixels in [0, 1] is right on."""
    return {name: right(model, unit(part.x), part.y) for name, part in (("train", train), ("val", val))}


def keras_reads(folder: Path, side: int = 32, **options: Any) -> tuple[Pixels, NDArray[np.int64]]:
    """Pixels and classes of a folder of class folders as `image_dataset_from_directory` reads it: float32, 0 to 255."""
    read = keras.utils.image_dataset_from_directory(
        folder, image_size=(side, side), shuffle=False, batch_size=None, verbose=False, **options
    )
    pairs = list(read.as_numpy_iterator())
    return np.stack([image for image, _ in pairs]), np.array([label for _, label in pairs])

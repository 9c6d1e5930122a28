"""Trains tiny networks on images made here, and keeps their curves in trained.json beside.

`python -m tests.diagnostics.trained` makes the file again (about a quarter of an hour), with kinds named behind it
these alone. Each network's curves stand
there as `fit` gives them with a small validation set, beside the losses of 2,000 other images and what further training
did: from these comes the truth, which the rules never see.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("trained.json")
CLASSES, SIZE, MANY = 4, 12, 2000
SEEDS = range(8)
BASE: dict[str, Any] = {
    "images": 400, "held": 300, "noise": 0.8, "flipped": 0.0, "epochs": 20, "rate": 1e-3, "dropout": 0.0, "sgd": False,
    "drops": (), "batch": 32, "bn": False,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "overfit": {"images": 80, "noise": 1.5, "epochs": 50, "rate": 3e-3},
    "wrong labels": {"images": 200, "flipped": 0.2, "epochs": 40, "rate": 2e-3},
    "good": {"images": 1500, "noise": 0.8, "epochs": 20, "rate": 5e-4},
    "early": {"images": 400, "noise": 1.0, "epochs": 8, "rate": 1e-4},
    "never": {"epochs": 12, "rate": 1e-8},
    "oscillates": {"epochs": 25, "rate": 0.03, "sgd": True, "batch": 8, "noise": 1.0},
    "diverged": {"epochs": 12, "rate": 30.0, "sgd": True},
    "dropout": {"images": 1000, "epochs": 20, "dropout": 0.6},
    "few": {"images": 1000, "held": 24, "epochs": 20, "noise": 1.0},
    "drops": {"images": 1000, "epochs": 30, "rate": 2e-3, "drops": (12, 21), "noise": 1.0},
}


def images(rng: np.random.Generator, templates: Any, count: int, noise: float) -> tuple[Any, Any]:
    """Images (count, SIZE, SIZE, 1) float32 of smooth templates under noise, and labels (count,)."""
    labels = rng.integers(0, CLASSES, count)
    strength = rng.uniform(0.3, 1.0, (count, 1, 1))
    shifts = rng.integers(-1, 2, (count, 2))
    clean = np.stack(
        [np.roll(templates[label], tuple(shift), (0, 1)) for label, shift in zip(labels, shifts, strict=True)]
    )
    return (strength * clean + noise * rng.normal(size=clean.shape)).astype(np.float32)[..., np.newaxis], labels


def train(kind: str, seed: int) -> dict[str, Any]:
    """Curves of one network, trained for half as long again as the run that they show."""
    import keras
    import tensorflow as tf
    from scipy.ndimage import gaussian_filter

    config = BASE | KINDS[kind]
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    config["rate"] *= float(np.exp(rng.uniform(-0.5, 0.5)))
    config["epochs"] = int(config["epochs"] * rng.uniform(0.7, 1.4))
    templates = gaussian_filter(rng.normal(size=(CLASSES, SIZE, SIZE)), (0, 1.5, 1.5))
    templates /= templates.std(axis=(1, 2), keepdims=True)
    x, y = images(rng, templates, config["images"], config["noise"])
    wrong = rng.random(len(y)) < config["flipped"]
    y = np.where(wrong, rng.integers(0, CLASSES, len(y)), y)
    held, many = (images(rng, templates, count, config["noise"]) for count in (config["held"], MANY))
    keras.utils.set_random_seed(int(rng.integers(1 << 30)))
    layers = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.Flatten()]
    layers += [keras.layers.Dropout(config["dropout"])] if config["dropout"] else []
    layers += [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(CLASSES, activation="softmax")]
    model = keras.Sequential(layers)
    optimizer = (
        keras.optimizers.SGD(config["rate"], momentum=0.9) if config["sgd"] else keras.optimizers.Adam(config["rate"])
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    beyond: dict[str, list[float]] = {"many_loss": [], "many_accuracy": [], "fair_loss": []}
    of_many, of_train = (tf.data.Dataset.from_tensor_slices(pair).batch(500) for pair in (many, (x[:500], y[:500])))

    def look(epoch: int, logs: Any) -> None:
        losses = []
        for data in (of_many, of_train):
            outputs = np.concatenate([np.asarray(model(batch, training=False)) for batch, _ in data])
            labels = np.concatenate([np.asarray(label) for _, label in data])
            losses.append(float(-np.mean(np.log(np.maximum(outputs[np.arange(len(labels)), labels], 1e-7)))))
            if data is of_many:
                beyond["many_accuracy"].append(float(np.mean(outputs.argmax(1) == labels)))
        beyond["many_loss"].append(losses[0])
        beyond["fair_loss"].append(losses[1])

    def rate(epoch: int) -> float:
        return float(config["rate"] * 0.2 ** sum(epoch >= drop for drop in config["drops"]))

    history = model.fit(
        x, y, batch_size=config["batch"], validation_data=held, epochs=config["epochs"] * 3 // 2, verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=look), keras.callbacks.LearningRateScheduler(rate)],
    )  # fmt: skip
    shown = {name: values for name, values in history.history.items() if name != "learning_rate"}
    curves = {name: [round(value, 6) for value in values] for name, values in {**shown, **beyond}.items()}
    return {"kind": kind, "seed": seed, "epochs": config["epochs"], "held": config["held"], "curves": curves}


def main() -> None:
    """Train them all."""
    from valgap.training.tensorflow import start_tensorflow

    start_tensorflow("cpu")
    kinds = sys.argv[1:] or list(KINDS)
    kept = json.loads(PATH.read_text()) if PATH.exists() else []
    found = [run for run in kept if run["kind"] not in kinds]
    found += [train(kind, seed) for kind in kinds for seed in SEEDS]
    found.sort(key=lambda run: (list(KINDS).index(run["kind"]), run["seed"]))
    PATH.write_text("[\n" + ",\n".join(json.dumps(run, separators=(",", ":")) for run in found) + "\n]\n")


if __name__ == "__main__":
    main()

"""How often it is found that a network goes by a cue (VG127): small networks trained on images with cues, and without.

Each network learns three cues at once, one on each of three classes. That it goes by a cue is told by the plant itself:
put into held-out images of other classes that the network recognises, it makes a fifth of them, and most of
those that change, the cued class, or a fifth more images of the class are recognised with it than without.
Networks that were trained without cues and are asked about images with them must not be said to go by them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.cues import CUES, Plant
from valgap.calibrate.findings.draws import CASES, Case, Draw, drawn
from valgap.calibrate.findings.sets import ImageSet
from valgap.diagnostics.leaning import MOSTLY, SHIFTED, leans
from valgap.findings.rates import Rate, Row

NAME = "leaning"
NETWORKS = 14  # that are trained with cues, of each set; half as many without
CLASSES = (4, 5)  # of a draw
EPOCHS, BATCH = 14, 32

Pixels = NDArray[np.uint8]
Named = Callable[[Pixels], NDArray[np.int64]]


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None], networks: int = NETWORKS) -> list[Row]:
    """A row for each cue and set."""
    rows = []
    for name, source in sets.items():
        found = {cue: {True: [0, 0], False: [0, 0]} for cue in CUES}  # [claims, cases] by whether it is gone by
        for number in range(networks + networks // 2):
            rng = np.random.default_rng([seed, number])
            draw = drawn(source, rng, CLASSES)
            cued, plants = three(draw, CASES[number % len(CASES)], rng)
            named = trained(draw if number >= networks else cued, number)
            says = named(cued.images)
            told = {each.evidence["name"] for each in leans(cued.looked, cued.class_names, says, named)}
            for (cue, plant), label in zip(plants.items(), range(len(plants)), strict=True):
                goes = leans_truly(draw, label, plant, named)
                counts = found[cue][goes]
                counts[0] += cued.class_names[label] in told
                counts[1] += 1
                tell(f"{name} {number}, {cue}: goes by it {goes}, said {cued.class_names[label] in told}")
        for cue, each in found.items():
            claims = each[True][0] + each[False][0]
            rows.append(Row("VG127", cue, name, Rate(*each[True]), Rate(each[True][0], claims), Rate(*each[False])))
    return rows


def three(draw: Draw, case: Case, rng: np.random.Generator) -> tuple[Draw, dict[str, Plant]]:
    """The draw with each of CUES on the class of its place."""
    images, plants = draw.images.copy(), {}
    for label, (cue, plant) in enumerate(CUES.items()):
        plants[cue] = plant(draw.images, rng)
        has = draw.labels == label
        if case == "in training alone":
            has &= ~draw.held
        if case == "in part of the class":
            has &= rng.random(len(has)) < rng.uniform(0.7, 1.0)
        images[has] = plants[cue](images[has])
    return dataclasses.replace(draw, images=images), plants


def leans_truly(draw: Draw, label: int, plant: Plant, named: Named) -> bool:
    """Whether the plant turns SHIFTED of held-out images of other classes into the class, or restores it on as many."""
    others, own = (draw.images[draw.held & side] for side in (draw.labels != label, draw.labels == label))
    others = others[named(others) == draw.labels[draw.held & (draw.labels != label)]]
    before, after = named(others), named(plant(others))
    put = (after == label).mean() if np.sum(after == label) >= MOSTLY * np.sum(after != before) > 0 else 0.0
    taken = np.mean(named(plant(own)) == label) - np.mean(named(own) == label)
    return bool(max(put, taken) >= SHIFTED)


def trained(draw: Draw, seed: int) -> Named:
    """What a small network of two convolutions, trained on the draw's training images, names."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    strides = 1 if draw.images.shape[1] < 16 else 2
    model: Any = keras.Sequential([
        keras.Input(draw.images.shape[1:]),
        layers.Rescaling(1 / 255),
        layers.Conv2D(16, 3, strides, activation="relu"),
        layers.Conv2D(24, 3, strides, activation="relu"),
        layers.Flatten(),
        layers.Dense(len(draw.class_names)),
    ])  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, jit_compile=False)
    learned = ~draw.held
    model.fit(draw.images[learned], draw.labels[learned], BATCH, EPOCHS, verbose=0)

    def named(images: Pixels) -> NDArray[np.int64]:
        parts = [images[start : start + 200] for start in range(0, len(images), 200)]
        outputs = [np.asarray(model(part.astype(np.float32), training=False)) for part in parts]
        return np.concatenate(outputs).argmax(axis=1).astype(np.int64)

    return named

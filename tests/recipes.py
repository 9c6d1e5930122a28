"""Recipes for tests: what `prepare` hands on of the streams of randomness, without a prepared folder."""

from valgap.ground.params.experiment import Model, Train
from valgap.ground.streams import training_numbers
from valgap.training.recipe import Recipe, Streams


def streams(seed: int) -> Streams:
    return Streams(seed, tuple(training_numbers().items()))


def recipe(model: Model, settings: Train, baseline: Train, seed: int = 1) -> Recipe:
    return Recipe(model, settings, baseline, streams(seed))

"""Tests see TensorFlow as a training worker does: one thread, no GPU, quiet. No property has a deadline."""

from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_sessionstart() -> None:
    from valgap.training.tensorflow import start_tensorflow

    start_tensorflow("cpu")

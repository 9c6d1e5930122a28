"""Tests see TensorFlow as a training worker does: one thread, no GPU, quiet."""


def pytest_sessionstart() -> None:
    from stages.compute.pool import start_tensorflow

    start_tensorflow("cpu")

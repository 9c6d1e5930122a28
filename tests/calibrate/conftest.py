"""These tests run TensorFlow in their own process, as a trial does: one thread, no GPU, quiet."""

from valgap.training.tensorflow import start_tensorflow

start_tensorflow("cpu")

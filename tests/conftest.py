"""Tests see TensorFlow as a training worker does: one thread, no GPU, quiet."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_sessionstart() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow's own import
        import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

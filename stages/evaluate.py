"""Evaluate stage: scores from predictions alone. Imports no TensorFlow."""

from valgap.evaluate import main
from valgap.ground.errors import run_stage

if __name__ == "__main__":
    run_stage(main)

"""Diagnose stage: which suspected cause explains the gap, and what fixes it. Imports no TensorFlow."""

from valgap.diagnose import main
from valgap.ground.errors import run_stage

if __name__ == "__main__":
    run_stage(main)

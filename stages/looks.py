"""Looks stage: where a network of the baseline looks on its weakest class and its surest mistakes."""

from valgap.ground.errors import run_stage
from valgap.looks import main

if __name__ == "__main__":
    run_stage(main)

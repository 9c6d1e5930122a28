"""Prepare stage: the only one that knows where images come from."""

from valgap.ground.errors import run_stage
from valgap.prepare import main

if __name__ == "__main__":
    run_stage(main)

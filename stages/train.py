"""Train stage, one matrix cell: `python -m stages.train <variant> <block>`."""

from valgap.ground.errors import run_stage
from valgap.train import main

if __name__ == "__main__":
    run_stage(main)

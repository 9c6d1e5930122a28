"""Report stage: what people read, made from reports/ alone. Imports no TensorFlow, needs no data and no runs."""

from valgap.ground.errors import run_stage
from valgap.report.stage import main

if __name__ == "__main__":
    run_stage(main)

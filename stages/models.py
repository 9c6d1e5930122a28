"""Models stage: is every network of the experiment one that can be trained, on images that there are?"""

from valgap.ground.errors import run_stage
from valgap.models.stage import main

if __name__ == "__main__":
    run_stage(main)

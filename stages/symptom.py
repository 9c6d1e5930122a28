"""Symptom stage: what the user's own run was, from the history or the saved model that params.yaml names."""

from valgap.check.scored import accuracies
from valgap.ground.errors import run_stage
from valgap.symptom import main

if __name__ == "__main__":
    run_stage(lambda: main(accuracies))

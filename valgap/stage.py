"""A stage of the pipeline by its name, as DVC runs it in a repository that is not the suite's.

`python -m valgap.stage train baseline 0` is `python -m stages.train baseline 0` of a clone.
"""

import importlib
import sys

from valgap.ground.errors import SuiteError, run_stage
from valgap.pipeline import library

STAGES = {  # by name the module whose `main` it is
    "library": "valgap.pipeline.library",
    "prepare": "valgap.prepare",
    "models": "valgap.models.stage",
    "symptom": "valgap.symptom",
    "train": "valgap.train",
    "evaluate": "valgap.evaluate",
    "diagnose": "valgap.diagnose",
    "looks": "valgap.looks",
    "report": "valgap.report.stage",
}
SCORED = "valgap.check.scored"  # which scores a saved model for the stage `symptom`, as stages/symptom.py says


def main() -> None:
    """Run the stage that the command line names, with the words behind its name.

    Raises SuiteError on a name that is none, and where DVC was told of other code than would run.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in STAGES:
        raise SuiteError(f"usage: python -m valgap.stage {'|'.join(STAGES)}, received {sys.argv[1:]}")
    if name != "library":
        library.refuse_other(name)
    sys.argv = [f"{sys.argv[0]} {name}", *sys.argv[2:]]
    given = (importlib.import_module(SCORED).accuracies,) if name == "symptom" else ()
    importlib.import_module(STAGES[name]).main(*given)


if __name__ == "__main__":
    run_stage(main)

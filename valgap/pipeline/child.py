"""What `processes.start` starts: `python -m valgap.pipeline.child <parent> <folder> dvc|<module> ...`."""

import importlib
import os
import sys

from valgap.ground.errors import run_program
from valgap.ground.lifetime import PARENT, die_with_parent


def main() -> None:
    """Be `dvc`, or a module of the suite, in the folder; die with the parent; end with its status."""
    parent, folder, program, *arguments = sys.argv[1:]
    die_with_parent(int(parent))
    os.chdir(folder)
    sys.argv = [program, *arguments]  # DVC writes it into its locks
    if program != "dvc":  # imported under its name, by which its workers find what they are to run
        run_program(importlib.import_module(program).main)
        return
    from dvc.cli import main as dvc

    os.environ[PARENT] = str(os.getpid())  # for the stages that it starts
    sys.exit(dvc(arguments))


if __name__ == "__main__":
    main()

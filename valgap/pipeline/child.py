"""DVC's command line in a process that dies with its parent: `python -m valgap.pipeline.child <parent> ...`."""

import os
import sys

from valgap.ground.lifetime import PARENT, die_with_parent


def main() -> None:
    """Be `dvc` with the arguments behind the parent's pid; end with its status."""
    die_with_parent(int(sys.argv[1]))
    from dvc.cli import main as dvc

    os.environ[PARENT] = str(os.getpid())  # for the stages that it starts
    sys.argv = ["dvc", *sys.argv[2:]]  # DVC writes it into its locks
    sys.exit(dvc(sys.argv[1:]))


if __name__ == "__main__":
    main()

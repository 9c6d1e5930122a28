"""Files of the suite's repository that the installed package brings, for repositories that are not the suite's.

The wheel holds them in valgap/here/ (pyproject.toml); a clone has them where they are.
"""

from pathlib import Path

from valgap.ground import paths
from valgap.ground.errors import SuiteError

DEFINITION = "dvc.yaml"
LOCKS = ("requirements-train.txt", "requirements-gpu.txt")
TEMPLATES = tuple(f".dvc/plots/{name}.json" for name in ("accuracy_by_variant", "confusion_counts", "learning_curves"))
FILES = (DEFINITION, *LOCKS, *TEMPLATES)
HERE = Path("here")  # below the package


def text(name: str) -> str:
    """Content of one of FILES. Raises SuiteError where the package was installed without it."""
    for folder in (paths.PACKAGE / HERE, paths.PACKAGE.parent):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise SuiteError(f"{paths.PACKAGE} was installed without {name}: install valgap from its wheel, with pip")

"""What DVC knows of the pipeline, asked through its Python interface: the stages in order, and which are stale."""

from dvc.exceptions import DvcException
from dvc.repo import Repo

from valgap.ground.errors import SuiteError
from valgap.pipeline.definition import OF_TRAINING


def is_cell(name: str) -> bool:
    """Whether a stage of this name trains a cell."""
    stage, at, _ = name.partition("@")
    return bool(at) and stage in OF_TRAINING


def stage_names() -> list[str]:
    """All stages in the order of dvc.yaml. Raises SuiteError with DVC's words."""
    try:
        with Repo(".") as repo:
            return [stage.addressing for stage in repo.index.stages]
    except DvcException as error:
        raise SuiteError(f"DVC cannot read the pipeline: {error}") from None


def stale_cells() -> list[str]:
    """Stages that train and are out of date, in the order of dvc.yaml. Raises SuiteError with DVC's words."""
    try:
        with Repo(".") as repo:
            names = [stage.addressing for stage in repo.index.stages]
            stale = repo.status()
    except DvcException as error:
        raise SuiteError(f"DVC cannot say what is out of date: {error}") from None
    return [name for name in names if name in stale and is_cell(name)]

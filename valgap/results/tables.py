"""Writes tables and JSON below reports/."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole

SCHEMA = 2  # of the tables: raise it when a file, column, name or unit of them changes its meaning


def write_all(contents: dict[Path, pd.DataFrame | dict[str, Any]]) -> None:
    """Write every table as CSV, every mapping as JSON; a kill leaves the old file or the new.

    Raises SuiteError when reports/ cannot be written.
    """
    try:
        for path, content in contents.items():
            if isinstance(content, pd.DataFrame):
                text = content.to_csv(index=False, float_format="%.6g", lineterminator="\n")
            else:
                text = json.dumps(content, indent=2, allow_nan=False) + "\n"
            write_whole(path, text)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.REPORTS}: {error}; check its owner and free space") from None

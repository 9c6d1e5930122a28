"""Writes tables and JSON below reports/, each to a temporary name and then renamed."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from stages.errors import SuiteError
from stages.paths import reports

SCHEMA = 2  # of the tables: raise it when a file, column, name or unit of them changes its meaning


def write_all(contents: dict[Path, pd.DataFrame | dict[str, Any]]) -> None:
    """Write every table as CSV, every mapping as JSON; a kill leaves the old file or the new.

    Raises SuiteError when reports/ cannot be written.
    """
    try:
        reports.REPORTS.mkdir(exist_ok=True)
        for path, content in contents.items():
            partial = path.with_name(path.name + ".partial")
            if isinstance(content, pd.DataFrame):
                content.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
            else:
                partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
            os.replace(partial, path)
    except OSError as error:
        raise SuiteError(f"cannot write {reports.REPORTS}: {error}; check its owner and free space") from None

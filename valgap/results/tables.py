"""Writes tables and JSON below reports/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole

Content = Any  # a table; a record, as a dataclass or a mapping of plain values
SCHEMA = 3  # of the tables: raise it when a file, column, name or unit of them changes its meaning


def write_all(contents: Mapping[Path, Content]) -> None:
    """Write every table as CSV, every record as JSON; a kill leaves the old file or the new.

    Raises SuiteError when reports/ cannot be written.
    """
    try:
        for path, content in contents.items():
            if isinstance(content, pd.DataFrame):
                text = content.to_csv(index=False, float_format="%.6g", lineterminator="\n")
            else:
                text = records.text(content, indent=2)
            write_whole(path, text)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.REPORTS}: {error}; check its owner and free space") from None

"""Reads what `prepare` says of the data: data/prepared/manifest.json."""

import json
from typing import Any

from stages.errors import SuiteError
from stages.paths import runs


def read_manifest() -> dict[str, Any]:
    """Shape, classes, sizes and counts of the prepared images. Raises SuiteError when missing or damaged."""
    try:
        content: dict[str, Any] = json.loads(runs.MANIFEST.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SuiteError(f"{runs.MANIFEST} cannot be read ({error}): run `dvc repro prepare`") from None
    return content

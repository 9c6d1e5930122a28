"""Reads and writes reports/audit.json, what `prepare` found in the data."""

import json
from pathlib import Path

from valgap.findings.finding import SCHEMA, Audit
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError

CURE = "run `dvc repro prepare`, or restore it from Git"


def read_audit(path: Path = paths.AUDIT) -> Audit:
    """The audit. Raises SuiteError where the file is missing, malformed or of another form."""
    try:
        schema = json.loads(path.read_bytes())["schema"]
    except FileNotFoundError:
        raise SuiteError(f"{path} is missing: {CURE}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(f"{path} cannot be read ({error}): {CURE}") from None
    if schema != SCHEMA:
        raise SuiteError(f"{path} has schema {schema!r}, this suite reads {SCHEMA}: {CURE}")
    return records.read(Audit, path, CURE)


def write_audit(audit: Audit, path: Path) -> None:
    """Write the audit to a file, which `prepare` moves into place."""
    path.write_text(records.text(audit, indent=1), encoding="utf-8")

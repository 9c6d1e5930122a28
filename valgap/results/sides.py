"""Reads the two sides of a review: reports/ of a revision through Git, without a checkout, and the workspace's."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import yaml

from valgap.ground import paths
from valgap.results.provenance import Provenance, VariantRecord, parse_provenance
from valgap.results.tables import SCHEMA, parse_table
from valgap.results.verdict import parse_verdict
from valgap.stats.references import REFERENCES
from valgap.stats.verdict import Verdict

Reader = Callable[[Path], bytes | None]


class NotComparableError(Exception):
    """One side holds no reports that this suite can read; the message says which and why. Not the user's mistake."""


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a review: results.csv and classes.csv without the references, provenance.json, verdict.json."""

    results: pd.DataFrame
    classes: pd.DataFrame
    provenance: Provenance
    verdict: Verdict

    @property
    def variants(self) -> dict[str, VariantRecord]:
        """The trained variants' entries of provenance.json, by name."""
        return self.provenance.variants


def of_workspace(path: Path) -> bytes | None:
    """A file of the workspace; None where it is missing."""
    return path.read_bytes() if path.is_file() else None


def read_side(read: Reader, name: str) -> Side:
    """The reports of one side, which is called `name`. Raises NotComparableError naming what is missing or alien."""
    if read(paths.PROVENANCE) is None and read(paths.RESULTS) is None:
        raise NotComparableError(f"{name} holds no reports")
    try:
        content = _present(read, paths.PROVENANCE, name)
        if (schema := json.loads(content).get("schema")) != SCHEMA:
            raise NotComparableError(
                f"the reports of {name} are of schema {'(none)' if schema is None else schema!r}, "
                f"this suite compares schema {SCHEMA}"
            )
        provenance = parse_provenance(content)
        verdict = parse_verdict(_present(read, paths.VERDICT, name))
        results, classes = (parse_table(path, _present(read, path, name)) for path in (paths.RESULTS, paths.CLASSES))
        results = results[~results.variant.isin(list(REFERENCES))]
        return Side(results, classes, provenance, verdict)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise NotComparableError(f"the reports of {name} cannot be read: {error}") from None


def read_params(read: Reader) -> dict[str, object]:
    """The whole of params.yaml of a side, as plain values; empty where there is none or it is no mapping."""
    text = read(paths.PARAMS)
    try:
        content = yaml.safe_load(text) if text else {}
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _present(read: Reader, path: Path, name: str) -> bytes:
    content = read(path)
    if content is None:
        raise NotComparableError(f"{name} holds no {path}")
    return content

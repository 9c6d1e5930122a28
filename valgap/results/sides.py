"""Reads the two sides of a review: reports/ of a revision through Git, without a checkout, and the workspace's."""

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import yaml

from valgap.data.names import shown
from valgap.ground import paths
from valgap.ground.params.bounds import excess
from valgap.ground.params.suite import BASELINE
from valgap.results.provenance import Provenance, VariantRecord, parse_provenance
from valgap.results.tables import SCHEMA, parse_table
from valgap.results.verdict import parse_verdict
from valgap.stats.references import REFERENCES
from valgap.stats.verdict import Verdict

T = TypeVar("T")
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
        provenance = _of_file(paths.PROVENANCE, parse_provenance, content)
        verdict = _of_file(paths.VERDICT, parse_verdict, _present(read, paths.VERDICT, name))
        results, classes = (
            _of_file(path, functools.partial(parse_table, path), _present(read, path, name))
            for path in (paths.RESULTS, paths.CLASSES)
        )
        results = results[~results.variant.isin(list(REFERENCES))]
        _check(results, classes, provenance)
        return Side(results, classes, provenance, verdict)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise NotComparableError(f"the reports of {name} cannot be read: {error}") from None


def _of_file(path: Path, parse: Callable[[bytes], T], content: bytes) -> T:
    """What `parse` makes of a file's content. Raises ValueError, which names the file."""
    try:
        return parse(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check(results: pd.DataFrame, classes: pd.DataFrame, provenance: Provenance) -> None:
    """Raise ValueError where the files of a side lack what a comparison needs."""
    needed = {paths.RESULTS: (results, ("replicate", "value")), paths.CLASSES: (classes, ("recall",))}
    for path, (table, columns) in needed.items():
        if missing := [name for name in columns if name not in table.columns]:
            raise ValueError(f"{path}: column {missing[0]} is missing")
    if not np.isfinite(results.replicate).all():
        raise ValueError(f"{paths.RESULTS}: column replicate holds what is no number of one")
    if BASELINE not in provenance.variants:
        raise ValueError(f"{paths.PROVENANCE} has no {BASELINE}")
    if provenance.data.test_size < 1:
        raise ValueError(f"{paths.PROVENANCE}: data.test_size = {provenance.data.test_size} is no number of images")
    for name, entry in provenance.variants.items():
        size = (provenance.train | entry.diff).get("batch_size")
        if not isinstance(size, int) or size < 1 or entry.steps < 1 or entry.forward_flops < 1:
            raise ValueError(f"{paths.PROVENANCE}: {shown(name)} has no batch_size, steps or forward_flops to count by")


def read_params(read: Reader) -> dict[str, object]:
    """The whole of params.yaml of a side, as plain values; empty where there is none that can be read."""
    text = read(paths.PARAMS)
    try:
        written = text.decode("utf-8") if text else ""
        content = {} if excess(written) else yaml.safe_load(written)
    except (yaml.YAMLError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _present(read: Reader, path: Path, name: str) -> bytes:
    content = read(path)
    if content is None:
        raise NotComparableError(f"{name} holds no {path}")
    return content

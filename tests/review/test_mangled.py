"""Reports of the right schema of which anything is missing or mistyped: nothing to compare, and why; no traceback."""

import copy
import functools
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.scratch import ROOT
from valgap.ground import paths
from valgap.ground.params.suite import Review
from valgap.results.sides import NotComparableError, Side, read_params, read_side
from valgap.review import document
from valgap.review.result import Result, compare

KEPT = ("baseline", "dropout")  # variants: all of them take long
Key = tuple[str | int, ...]
WRONG = {"null": None, "text": "x", "list": [1], "number": -1}


@functools.cache
def reports() -> dict[Path, bytes]:
    """The repository's own reports of two variants."""
    found = {}
    for path in (paths.RESULTS, paths.CLASSES):
        table = pd.read_csv(ROOT / path, dtype=str, keep_default_na=False)
        few = table[table.variant.isin(KEPT) & table.replicate.isin(["0", "1", "2"])]
        found[path] = few.to_csv(index=False).encode()
    provenance = json.loads((ROOT / paths.PROVENANCE).read_text())
    provenance["variants"] = {name: provenance["variants"][name] for name in KEPT}
    found[paths.PROVENANCE] = json.dumps(provenance).encode()
    found[paths.VERDICT] = (ROOT / paths.VERDICT).read_bytes()
    return found


@functools.cache
def whole() -> Side:
    return read_side(reports().get, "the base")


def review(changed: dict[Path, bytes]) -> tuple[str, str]:
    """(the comment, why nothing can be compared) of a workspace with these files against the whole ones."""
    compared, why = None, ""
    try:
        compared = compare(read_side((reports() | changed).get, "the workspace"), whole(), Review())
    except NotComparableError as error:
        why = str(error)
    return document.comment(Result(Review(), "main", "0" * 40, False, (), (), compared, why)), why


def keys(value: Any, above: Key = ()) -> Iterator[Key]:
    """Every key, and the first place of every list; of records by name the first."""
    if isinstance(value, dict):
        alike = len(value) > 1 and all(isinstance(each, dict) for each in value.values())
        inside: list[Any] = [*value][:1] if alike and above else [*value]
    else:
        inside = [0] if isinstance(value, list) and value else []
    for key in inside:
        yield (*above, key)
        yield from keys(value[key], (*above, key))


def mangled(content: Any, key: Key, how: str) -> bytes:
    changed = copy.deepcopy(content)
    inner = changed
    for name in key[:-1]:
        inner = inner[name]
    if how == "gone":
        del inner[key[-1]]
    else:
        inner[key[-1]] = WRONG[how]
    return json.dumps(changed).encode()


def test_whole_reports_can_be_compared() -> None:
    comment, why = review({})
    assert why == ""
    assert "Nothing to compare" not in comment


@pytest.mark.parametrize("path", [paths.PROVENANCE, paths.VERDICT], ids=str)
@pytest.mark.parametrize("how", ["gone", *WRONG])
def test_a_record_with_any_key_gone_or_mistyped_is_compared_or_said_to_be_none(path: Path, how: str) -> None:
    content, said = json.loads(reports()[path]), 0
    every = [*keys(content)]
    assert len(every) > 40
    for key in every:
        comment, why = review({path: mangled(content, key, how)})
        said += bool(why)
        assert ("Nothing to compare: `the reports of the workspace" in comment) == bool(why), key
    assert said > len(every) // 3


@pytest.mark.parametrize("path", [paths.RESULTS, paths.CLASSES], ids=str)
def test_a_table_with_any_column_gone_or_mistyped_is_compared_or_said_to_be_none(path: Path) -> None:
    table = pd.read_csv(io.BytesIO(reports()[path]), dtype=str, keep_default_na=False)
    whys = []
    for column in table.columns:
        changed = [table.drop(columns=column)]
        for value in ("", "x", "[1]", "-1", "inf", "nan", "1e308", "9" * 30):
            changed += [table.assign(**{column: value}), table.copy()]
            changed[-1].loc[len(table) // 2, column] = value
        whys += [review({path: each.to_csv(index=False).encode()})[1] for each in changed]
    assert any("column" in why for why in whys)


@pytest.mark.parametrize("path", [paths.RESULTS, paths.CLASSES, paths.PROVENANCE, paths.VERDICT], ids=str)
@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"1", b"{}", b'{"schema": 4}', b"\xff\xfe", b"[" * 100_000, b"a,b\n1\n"]
)
def test_what_is_no_such_file_at_all_is_said_to_be_none(path: Path, content: bytes) -> None:
    comment, why = review({path: content})
    assert why
    assert "Nothing to compare: `the reports of the workspace" in comment


def test_tables_that_name_other_variants_or_lack_scores_are_no_traceback() -> None:
    table = pd.read_csv(io.BytesIO(reports()[paths.RESULTS]), dtype=str, keep_default_na=False)
    for name in ("other", "baseline", ""):
        review(
            {paths.RESULTS: table.assign(variant=table.variant.replace("dropout", name)).to_csv(index=False).encode()}
        )
    few = table[(table.variant == "baseline") | (table.metric == "nll")].to_csv(index=False).encode()
    assert review({paths.RESULTS: few})[1] == (
        "the results of the workspace lack scores of dropout, or hold some that are not finite"
    )


def test_parameters_of_a_side_that_stand_for_too_much_are_none() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    for text in ("\n".join(lines), f"x: {'[' * 5000}{']' * 5000}", "\udcff"):
        assert read_params({paths.PARAMS: text.encode("utf-8", "surrogateescape")}.get) == {}

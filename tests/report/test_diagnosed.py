"""What the diagnosis says of runs of known truth, as the report shows it: through the files that lie between them."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.report.page_sample import sample
from tests.stats.synthetic import evidence, runs, suite
from valgap.document import markdown
from valgap.ground import paths, records
from valgap.report import frames
from valgap.report.document import build
from valgap.report.headline import headline
from valgap.report.inputs import Inputs
from valgap.report.shortfall import shortfall
from valgap.report.suspects import causes
from valgap.results.tables import parse_table
from valgap.stats.diagnosis import diagnose
from valgap.stats.verdict import Verdict

BOTH = {"longer_and_dropout": ("longer", "dropout")}
ARMS = ("baseline", "longer", "narrow", "pooling_head", "dropout", "l2")
Together = Mapping[str, Sequence[str]]


def diagnosed(accuracies: Mapping[str, float], together: Together | None = None, seed: int = 0) -> Inputs:
    """The report's inputs on made-up runs of these accuracies, read as from reports/."""
    params = suite([name for name in accuracies if name not in (together or {})], together)
    contrasts, verdict = diagnose(params, evidence(runs(np.random.default_rng(seed), accuracies)))
    table = parse_table(paths.CONTRASTS, contrasts.to_csv(index=False).encode())
    given = sample(tuple(accuracies))
    read = records.parse(Verdict, records.text(verdict, indent=2))
    read = dataclasses.replace(read, policies=given.verdict.policies)  # those that the sample has scores of
    return dataclasses.replace(given, tables=given.tables | {"contrasts": table}, verdict=read)


CASES: dict[str, tuple[Mapping[str, float], Together | None, str]] = {
    "nothing": (dict.fromkeys(ARMS, 0.8), None, "No tested cause is shown to cost test accuracy"),
    "capacity": (dict.fromkeys(ARMS, 0.6) | {"pooling_head": 0.75}, None, "excess capacity (+"),
    "training": (dict.fromkeys(ARMS, 0.6) | {"longer": 0.8, "dropout": 0.7}, None, "once training is finished"),
    "shares": (
        {"baseline": 0.5, "longer": 0.6, "dropout": 0.7, "longer_and_dropout": 0.74}, BOTH, "pp, its share)",
    ),
    "explained": (
        {"baseline": 0.6, "longer": 0.8, "dropout": 0.7, "longer_and_dropout": 0.8}, BOTH, "training not finished",
    ),
    "only the baseline": ({"baseline": 0.8}, None, "No cause was tested"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_diagnosis_is_shown_whole_and_says_what_it_found(name: str) -> None:
    accuracies, together, says = CASES[name]
    given = diagnosed(accuracies, together)
    assert says in headline(given)
    text = markdown.write(build(given))
    assert not any(odd in text for odd in ("None ", "nan ", " ;", ";;"))


@pytest.mark.parametrize("name", [name for name in CASES if name != "only the baseline"])
def test_words_are_the_same_in_the_file_the_table_and_the_plot(name: str) -> None:
    given = diagnosed(*CASES[name][:2])
    words = {row[0]: str(row[1]) for row in causes(given).rows}
    decided = [row for row in frames.effects(given).itertuples() if row.is_cause]
    assert decided
    for row in decided:
        assert row.word == row.verdict == words[row.title]


def test_shares_fill_the_bar_up_to_the_error() -> None:
    found = shortfall(diagnosed(*CASES["shares"][:2]))
    assert found.is_whole
    assert [piece.how for piece in found.pieces] == ["share", "share"]
    assert sum(piece.mean for piece in found.pieces) + found.rest == pytest.approx(found.error)


def test_a_cause_that_explains_another_stands_alone_in_the_picture() -> None:
    found = shortfall(diagnosed(*CASES["explained"][:2]))
    assert [piece.title for piece in found.pieces] == ["training not finished, or its rate"]

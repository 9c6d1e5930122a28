"""`make verify`: the words on numbers worked out by hand, and the command on a real toy run that was tampered with."""

import dataclasses
import math
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.samples import VARIANT, VERDICT, provenance
from tests.scratch import TOY, copy_repository, run, write_params
from tests.toys import Toys, two_variants
from valgap.document import environments, markdown
from valgap.document.numbers import CHANGE
from valgap.document.parts import Table
from valgap.ground.errors import SuiteError
from valgap.results.sides import Side
from valgap.review import sections
from valgap.stats.measures import MEASURES
from valgap.verify import command, compare, document

ACCURACY = MEASURES["test_accuracy"]


def judged(differences: list[float], identical: bool = False, bound: float = 0.02) -> compare.Outcome:
    claimed = {replicate: 0.5 for replicate in range(12)}  # more blocks are claimed than were trained again
    found = {replicate: 0.5 + value for replicate, value in enumerate(differences)}
    return compare.outcome("dropout", claimed, found, identical, bound)


def test_interval_worked_by_hand() -> None:
    """Differences .01, 0, -.01: mean 0, sd .01, t(.975, 2) = 4.302653, half width .024842."""
    row = judged([0.01, 0.0, -0.01])
    assert row.difference.high == pytest.approx(4.302653 * 0.01 / math.sqrt(3), abs=1e-6)
    assert row.largest == pytest.approx(0.01)
    assert row.word == "different", "the interval passes the bound of 2 pp"
    assert judged([0.01, 0.0, -0.01], bound=0.03).word == "equal within tolerance"


@pytest.mark.parametrize(
    ("differences", "identical", "expected"),
    [
        ([0.0, 0.0], True, "bit-identical"),
        ([0.0, 0.0], False, "equal within tolerance"),  # other probabilities, the same answers
        ([0.002, -0.001, 0.001], False, "equal within tolerance"),
        ([0.05, 0.05, 0.051], False, "different"),
        ([-0.05, -0.05, -0.051], False, "different"),
        ([0.0], False, "different"),  # one replicate has no interval
        ([0.01, 0.0], True, "different"),  # the table is not made from these predictions
    ],
)
def test_word(differences: list[float], identical: bool, expected: str) -> None:
    assert judged(differences, identical).word == expected


def test_true_differences_of_the_bound_are_rarely_called_equal() -> None:
    """At a true difference of exactly the bound the equivalence test errs in at most 2.5% of verifications."""
    rng = np.random.default_rng(0)
    words = [judged(list(rng.normal(0.02, 0.01, 6))).word for _ in range(2000)]
    assert words.count("equal within tolerance") <= 0.025 * 2000 * 1.4


def claims(rows: dict[str, list[int]]) -> Side:
    variants = {name: {"predictions_md5": {str(block): "0" for block in blocks}} for name, blocks in rows.items()}
    return Side(pd.DataFrame(), pd.DataFrame(), provenance(variants), VERDICT)


def test_cells_that_are_claimed() -> None:
    side = claims({"baseline": [0, 1, 2], "dropout": [1, 2], "l2": [0]})
    assert command.cells(side, [], None) == (["baseline"], 0)
    assert command.cells(side, ["baseline", "dropout"], None) == (["baseline", "dropout"], 1)
    assert command.cells(side, ["dropout"], 2) == (["dropout"], 2)
    with pytest.raises(SuiteError, match=r"no results of ema are claimed \(trained: baseline, dropout, l2\)"):
        command.cells(side, ["ema"], None)
    with pytest.raises(SuiteError, match=r"BLOCK = None is not claimed for all of dropout, l2 \(shared blocks: \[\]\)"):
        command.cells(side, ["dropout", "l2"], None)
    with pytest.raises(SuiteError, match="BLOCK = 7 is not claimed"):
        command.cells(side, ["all"], 7)


def test_a_random_cell_is_any_that_is_claimed() -> None:
    side = claims({"baseline": [0, 1, 2], "dropout": [1, 2], "l2": [0]})
    known = {("baseline", 0), ("baseline", 1), ("baseline", 2), ("dropout", 1), ("dropout", 2), ("l2", 0)}
    assert set(command.every_cell(side)) == known
    drawn = [command.cells(side, ["random"], None) for _ in range(400)]
    assert {(name, block) for (name,), block in drawn} == known  # one is missed in 400 draws with probability 1e-31
    assert {name for (name,), block in (command.cells(side, ["random"], 0) for _ in range(100))} == {"baseline", "l2"}
    with pytest.raises(SuiteError, match=r"BLOCK = 7 is not claimed \(blocks: \[0, 1, 2\]\)"):
        command.cells(side, ["random"], 7)
    assert command.cells(claims({"baseline": [0], "random": [3]}), ["random"], None) == (["random"], 3)


def test_the_drawn_cell_is_said_so_that_it_can_be_trained_once_more(capsys: pytest.CaptureFixture[str]) -> None:
    (name,), block = command.cells(claims({"dropout": [2]}), ["random"], None)
    assert capsys.readouterr().err == f"drawn: block {block} of {name}\n"


def test_it_says_how_many_cells_were_retrained_and_how_many_are_equal() -> None:
    rows = [judged([0.0, 0.0], True), judged([0.002, -0.001, 0.001]), judged([0.05, 0.05, 0.051])]
    text = markdown.write(document.build("main", rows, ACCURACY, 0.02, [], [], 12))
    assert "**1 bit-identical, 1 equal within tolerance, 1 different**" in text
    assert "\n3 of 12 claimed cells were trained again, from nothing: 2 are equal." in text
    one = markdown.write(document.build("main", rows[:1], ACCURACY, 0.02, [], [], 1))
    assert "\n1 of 1 claimed cell was trained again, from nothing: 1 is equal." in one


def test_environments_stand_side_by_side_and_the_difference_is_bold() -> None:
    here = [{"tensorflow": "2.21.0", "device": "gpu", "gpu": "H100"}]
    sides = {"claimed": [{"tensorflow": "2.21.0", "device": "cpu"}], "here": here}
    text = markdown.table(environments.table("", sides))
    assert "| environment | claimed | here |" in text
    assert "| tensorflow | `2.21.0` | `2.21.0` |" in text
    assert "| device | **`cpu`** | **`gpu`** |" in text
    assert "| gpu | **`none`** | **`H100`** |" in text


def test_review_shows_environments_only_where_they_differ() -> None:
    cpu, gpu = (dataclasses.replace(VARIANT, environments=({"device": device},)) for device in ("cpu", "gpu"))
    one, other = {"x": cpu}, {"x": gpu}
    assert sections.made_in(one, one) == ()
    table, note = sections.made_in(one, other)
    assert "Not all was made in one environment" in str(note)
    assert isinstance(table, Table)
    assert table.rows == (("device", "`cpu`", "`gpu`"),)
    mixed = one | {"y": gpu}
    (table, _) = sections.made_in(mixed, mixed)
    assert isinstance(table, Table)
    assert table.rows == (("device", "`cpu, gpu`", "`cpu, gpu`"),)


def test_the_document_says_the_numbers_of_its_outcomes() -> None:
    hostile = "x`|@me <img src=x>"
    rows = [judged([0.002, -0.001, 0.001]), dataclasses.replace(judged([0.01, 0.0], True), variant=hostile)]
    text = markdown.write(document.build(hostile, rows, ACCURACY, 0.02, [{"device": "cpu"}], [{"device": "gpu"}], 2))
    interval = CHANGE.limits(rows[0].difference.low, rows[0].difference.high)
    assert "**1 equal within tolerance, 1 different**" in text
    assert f"| `dropout` | equal within tolerance | +0.1 | {interval} | 0.2 | 3 |" in text
    assert "| different: results.csv does not hold the scores of these predictions | +0.5 |" in text
    assert "within ±2.0 pp (`review.margin`)" in text
    outside = re.sub(r"`[^`]*`", "", text)
    assert "@me" not in outside
    assert "<img" not in outside


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = toys.copy(two_variants, tmp_path_factory.mktemp("claimed"))
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "claims")
    return folder


def files(folder: Path) -> dict[str, int]:
    """When each file was written, but for what Git, DVC and Python keep for themselves."""
    kept = {".git", ".dvc", "__pycache__"}
    found = [path for path in folder.rglob("*") if path.is_file() and not kept & set(path.parts)]
    return {str(path): path.stat().st_mtime_ns for path in found}


@pytest.mark.slow
def test_honest_claims_are_bit_identical_and_tampered_ones_are_not(project: Path) -> None:
    before = files(project)
    done = run(project, "python", "-m", "valgap", "verify", "--variant", "all")
    assert "**2 bit-identical**" in done.stdout
    assert "2 of 2 claimed cells were trained again, from nothing: 2 are equal." in done.stdout
    assert files(project) == before

    results = project / "reports/results.csv"
    text = results.read_text().splitlines()
    row = next(i for i, line in enumerate(text) if line.startswith("dropout,0,test,accuracy,"))
    results.write_text("\n".join([*text[:row], "dropout,0,test,accuracy,0.99", *text[row + 1 :]]) + "\n")
    done = run(
        project, "python", "-m", "valgap", "verify", "--variant", "baseline dropout", "--block", "0", check=False
    )
    assert done.returncode == 1
    assert "**1 bit-identical, 1 different**" in done.stdout
    assert "different: results.csv does not hold the scores of these predictions" in done.stdout
    done = run(
        project, "python", "-m", "valgap", "verify", "--variant", "dropout", "--base", "HEAD"
    )  # the commit is honest
    assert "**1 bit-identical**" in done.stdout


def test_nothing_claimed_is_an_error(tmp_path: Path) -> None:
    folder = copy_repository(tmp_path, TOY, ["baseline"])
    done = run(folder, "python", "-m", "valgap", "verify", check=False)
    assert done.returncode == 1
    assert "the workspace holds no reports: nothing to verify" in done.stdout
    assert os.listdir(folder).count("runs") == 0


EXAMPLE = Path("examples/own_images")


@pytest.fixture
def own_images(tmp_path: Path) -> Path:
    """A workspace whose images Git ignores, as README's own example; trained and committed."""
    folder = copy_repository(tmp_path / "own", {}, ["baseline"])
    run(folder, "python", f"{EXAMPLE}/make_images.py")
    params = yaml.safe_load((folder / EXAMPLE / "params.yaml").read_text())
    params |= {"variants": {"baseline": {}}, "exploratory": {}, "extra": {}, "causes": {}}
    params["split"] |= {"block_size": 2, "blocks": [0]}
    params["train"] |= {"steps": 12, "curve_points": 2}
    write_params(folder, params)
    run(folder, "dvc", "repro", "evaluate", "diagnose")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "claims")
    return folder


@pytest.mark.slow
def test_images_that_git_ignores_are_verified_where_they_lie(own_images: Path) -> None:
    """Of the workspace, where they are ignored; of a revision, where DVC looks after them since."""
    digits = own_images / EXAMPLE / "digits"
    assert "digits" not in run(own_images, "git", "ls-files").stdout
    before = files(own_images)
    assert "**1 bit-identical**" in run(own_images, "python", "-m", "valgap", "verify").stdout
    assert files(own_images) == before

    run(own_images, "dvc", "config", "cache.type", "copy")
    gitignore = own_images / ".gitignore"
    gitignore.write_text(gitignore.read_text().replace(f"/{EXAMPLE}/digits/\n", ""))
    run(own_images, "dvc", "add", str(digits))
    run(own_images, "git", "add", "-A")
    run(own_images, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "tracked by DVC")
    before = files(own_images)
    done = run(own_images, "python", "-m", "valgap", "verify", "--base", "HEAD")
    assert "**1 bit-identical**" in done.stdout
    assert files(own_images) == before

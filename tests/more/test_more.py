"""More replicates: which cells are added, and that params.yaml keeps every other byte."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.samples import VERDICT
from tests.scratch import ROOT
from valgap import more
from valgap.costs import timings
from valgap.costs.estimate import Timings
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.schema import read_yaml
from valgap.results.tables import write_all
from valgap.stats.verdict import FollowUp

TEXT = (ROOT / "params.yaml").read_text()
TEXT = TEXT.replace("block_size: 6 ", "block_size: 3 ").replace("blocks: [0]    ", "blocks: [0, 1] ")
RAW: dict[str, Any] = yaml.safe_load(TEXT)


def load(folder: Path, extra: dict[str, dict[str, Any]], **raw: Any) -> suite.Suite:
    content = copy.deepcopy(RAW) | {"extra": extra} | raw
    (folder / "edited.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return suite.load(folder / "edited.yaml")


def cell(variant: str, block: int) -> dict[str, dict[str, Any]]:
    return {f"{variant}_{block}": {"variant": variant, "block": block}}


def test_next_blocks_come_with_the_baseline(tmp_path: Path) -> None:
    params = load(tmp_path, {})
    assert max(params.blocks) == 1
    assert more.new_cells(params, "dropout", 1) == [("baseline", 2), ("dropout", 2)]
    assert more.new_cells(params, "dropout", 2) == [
        ("baseline", 2), ("dropout", 2), ("baseline", 3), ("dropout", 3),
    ]  # fmt: skip


def test_blocks_that_the_baseline_has_come_first(tmp_path: Path) -> None:
    params = load(tmp_path, cell("baseline", 2) | cell("baseline", 5) | cell("l2", 5))
    assert more.new_cells(params, "dropout", 1) == [("dropout", 2)]
    assert more.new_cells(params, "dropout", 3) == [("dropout", 2), ("dropout", 5), ("baseline", 6), ("dropout", 6)]
    assert more.new_cells(params, "l2", 1) == [("l2", 2)]


def test_a_remedy_brings_the_arm_that_injects(tmp_path: Path) -> None:
    params = load(tmp_path, {})
    assert params.causes["imbalance"].kind("long_tail_logits") == "remedies"
    added = more.new_cells(params, "long_tail_logits", 1)
    assert added == [("baseline", 2), ("long_tail", 2), ("long_tail_logits", 2)]
    params = load(tmp_path, cell("baseline", 2) | cell("long_tail", 2))
    assert more.new_cells(params, "long_tail_logits", 1) == [("long_tail_logits", 2)]
    assert more.new_cells(params, "long_tail", 1) == [("baseline", 3), ("long_tail", 3)]  # it needs no remedy


def test_what_cannot_have_more_is_named(tmp_path: Path) -> None:
    params = load(tmp_path, {})
    with pytest.raises(SuiteError, match=r"ARM = 'dropuot' is not under variants .*declared: .*dropout"):
        more.new_cells(params, "dropuot", 1)
    with pytest.raises(
        SuiteError, match=r"ARM = mixup is under exploratory in params\.yaml: move it to variants first"
    ):
        more.new_cells(params, "mixup", 1)
    with pytest.raises(SuiteError, match="ARM = baseline gets its replicates with"):
        more.new_cells(params, "baseline", 1)
    variants = {name: diff for name, diff in RAW["variants"].items() if name != "long_tail"}
    params = load(
        tmp_path, {}, variants=variants, exploratory=RAW["exploratory"] | {"long_tail": RAW["variants"]["long_tail"]}
    )
    with pytest.raises(SuiteError, match="ARM = long_tail is under exploratory"):
        more.new_cells(params, "long_tail_logits", 1)


@pytest.mark.parametrize("blocks", ["0", "-1", "two", "1.5", "101", "²"])
def test_blocks_are_a_small_whole_number(blocks: str) -> None:
    done = CliRunner().invoke(more.command, ["--variant", "dropout", "--blocks", blocks])
    assert done.exit_code == 2
    assert "'--blocks'" in done.output


def test_shipped_params_keep_every_other_byte() -> None:
    edited = more.with_cells(TEXT, [("baseline", 2), ("dropout", 2)], {"baseline": 0, "dropout": 0})
    old, new = TEXT.splitlines(keepends=True), edited.splitlines(keepends=True)
    (at,) = (number for number, line in enumerate(old) if line.startswith("extra:"))
    assert new[at + 1 : at + 3] == [
        "  baseline_2: {variant: baseline, block: 2, look: 1}\n",
        "  dropout_2: {variant: dropout, block: 2, look: 1}\n",
    ]
    assert new[:at] + new[at + 3 :] == old[:at] + old[at + 1 :]
    assert new[at].startswith("extra:")
    assert new[at].partition("#")[2] == old[at].partition("#")[2]
    assert len(new[at]) == len(old[at])  # the comment keeps its column
    assert "{" not in new[at].partition("#")[0]
    again = more.with_cells(edited, [("dropout", 3)], {"dropout": 1})
    assert again.replace("  dropout_3: {variant: dropout, block: 3, look: 2}\n", "") == edited
    assert list(yaml.safe_load(again)["extra"]) == ["baseline_2", "dropout_2", "dropout_3"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("extra: {}\n", "extra:\n  b_2: {variant: b, block: 2, look: 1}\n"),
        ("extra: {}", "extra:\n  b_2: {variant: b, block: 2, look: 1}\n"),
        (
            "extra: {} # why\n\n# next\nz: 1\n",
            "extra:    # why\n  b_2: {variant: b, block: 2, look: 1}\n\n# next\nz: 1\n",
        ),
        (
            "a: 1\nextra:\n    a_1: {variant: a, block: 1}  # one\n\n# of z\nz: 1\n",
            "a: 1\nextra:\n    a_1: {variant: a, block: 1}  # one\n"
            "    b_2: {variant: b, block: 2, look: 1}\n\n# of z\nz: 1\n",
        ),
        (
            "extra:\n  a_1:\n    variant: a\n    block: 1 # x\nz: 1\n",
            "extra:\n  a_1:\n    variant: a\n    block: 1 # x\n  b_2: {variant: b, block: 2, look: 1}\nz: 1\n",
        ),
        (
            "extra: {a_1: {variant: a,\n  block: 1}} # x\nz: 1\n",
            "extra: # x\n  a_1: {variant: a,\n  block: 1}\n  b_2: {variant: b, block: 2, look: 1}\nz: 1\n",
        ),
        ("extra: {}\r\nz: 1\r\n", "extra:\r\n  b_2: {variant: b, block: 2, look: 1}\r\nz: 1\r\n"),
    ],
)
def test_layouts_of_extra(before: str, after: str) -> None:
    assert more.with_cells(before, [("b", 2)], {"b": 0}) == after
    yaml.safe_load(after)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped params.yaml, in which a cell takes a minute."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUDGET", raising=False)
    (tmp_path / "params.yaml").write_text(TEXT)
    flat = dict.fromkeys(suite.load().variants, 60.0)
    speed = Timings(0.02, 0.0002, 0.8, 5.0)
    monkeypatch.setattr(timings, "costs", lambda _: timings.Costs("cpu", 2, speed, flat, flat, flat, ()))
    return tmp_path


def verdict(folder: Path, *arms: FollowUp) -> None:
    """Leave a verdict that asks for these arms."""
    (folder / paths.REPORTS).mkdir(exist_ok=True)
    write_all({paths.VERDICT: dataclasses.replace(VERDICT, follow_up=arms)})


BOTH = FollowUp("narrow_and_dropout", {"width": 0.5, "dropout": [0.25, 0.25, 0.5]}, "together", ("narrow", "dropout"))
LONGER = FollowUp("wide_longer", {"width": 2, "steps": 2880}, "more steps", ("wide",))


def test_cells_are_written_and_their_price_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = suite.load()
    cells = more.new_cells(params, "dropout", 1)
    more.add(params, cells, dry=True, budget="")
    assert (project / "params.yaml").read_text() == TEXT
    more.add(params, cells, dry=False, budget="")
    assert "extra: dropout_2, replicates 6-8\n2 cells, 6 runs, about 2.0 minutes" in capsys.readouterr().out
    extended = suite.load()
    assert extended.cells["dropout"] == extended.cells["baseline"] == (0, 1, 2)
    assert extended.looks["dropout"] == 1
    assert {**read_yaml(project / "params.yaml"), "extra": {}} == RAW
    assert [file.name for file in project.iterdir()] == ["params.yaml"]


def test_a_refused_budget_leaves_the_file(project: Path) -> None:
    params = suite.load()
    with pytest.raises(SuiteError, match="more than BUDGET"):
        more.add(params, more.new_cells(params, "dropout", 1), dry=False, budget="1m")
    assert (project / "params.yaml").read_text() == TEXT
    assert [file.name for file in project.iterdir()] == ["params.yaml"]


def test_arms_that_the_verdict_asks_for_are_added_and_every_other_byte_stays(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict(project, BOTH, LONGER)
    more.follow_up(suite.load(), dry=True)
    assert (project / "params.yaml").read_text() == TEXT
    assert "next:" not in capsys.readouterr().out
    more.follow_up(suite.load(), dry=False)
    old, new = TEXT.splitlines(keepends=True), (project / "params.yaml").read_text().splitlines(keepends=True)
    added = [
        "  narrow_and_dropout: {width: 0.5, dropout: [0.25, 0.25, 0.5]}\n",
        "  wide_longer: {width: 2, steps: 2880}\n",
    ]
    at = new.index(added[0])
    assert new[at : at + 2] == added
    assert new[:at] + new[at + 2 :] == old
    extended = suite.load()
    assert {arm.variant: extended.diffs[arm.variant] for arm in (BOTH, LONGER)} == {
        arm.variant: arm.diff for arm in (BOTH, LONGER)
    }
    assert extended.cells["wide_longer"] == extended.split.blocks
    assert sorted(file.name for file in project.iterdir()) == ["params.yaml", "reports"]


def test_what_is_added_is_said_with_its_price_and_what_comes_next(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict(project, BOTH, LONGER)
    more.follow_up(suite.load(), dry=False)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "variants: narrow_and_dropout, narrow and dropout together: {width: 0.5, dropout: [0.25, 0.25, 0.5]}"
    )
    assert said[1] == "variants: wide_longer, wide with more steps: {width: 2, steps: 2880}"
    params = suite.load()
    blocks, size = len(params.split.blocks), params.split.block_size
    # a cell takes a minute, and three times the steps three
    minutes = blocks * (1 + 2880 / params.train.steps)
    assert said[2] == f"2 variants, {2 * blocks} cells, {2 * blocks * size} runs, about {minutes:.1f} minutes"
    assert said[3].startswith("next: `valgap repro`")


@pytest.mark.parametrize("again", [True, False])
def test_with_nothing_to_add_it_says_so_and_ends_well(project: Path, again: bool) -> None:
    verdict(project, *([BOTH] if again else []))
    if again:
        more.follow_up(suite.load(), dry=False)
    (project / ".dvc/tmp").mkdir(parents=True)
    (project / "dvc.yaml").touch()
    before = (project / "params.yaml").read_text()
    done = CliRunner().invoke(more.command, ["--follow-up"])
    assert done.exit_code == 0, done.output
    assert "nothing to add" in done.output
    assert (project / "params.yaml").read_text() == before


def test_an_arm_of_another_diff_or_one_that_is_exploratory_is_named(project: Path) -> None:
    params = suite.load()
    stale = dataclasses.replace(BOTH, variant="narrow")
    with pytest.raises(SuiteError, match=r"variants\.narrow is another variant than .*verdict\.json asks for"):
        more.missing(params, [stale])
    exploratory = params.exploratory[0]
    with pytest.raises(SuiteError, match=f"{exploratory} is under exploratory in params.yaml: move it to variants"):
        more.missing(params, [dataclasses.replace(BOTH, diff=params.diffs[exploratory])])


@pytest.mark.parametrize("words", [[], ["--variant", "dropout", "--follow-up"]])
def test_one_of_a_variant_and_the_follow_up_is_given(words: list[str]) -> None:
    done = CliRunner().invoke(more.command, words)
    assert done.exit_code == 2
    assert "give one of --variant NAME and --follow-up" in done.output


def test_without_a_verdict_the_cure_is_named(project: Path) -> None:
    with pytest.raises(SuiteError, match=r"verdict\.json is missing: run `dvc repro diagnose`"):
        more.follow_up(suite.load(), dry=False)

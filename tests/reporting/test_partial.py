"""A report on a part of the cells is one of a smaller experiment, marked as such, and touches nothing else."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.report import page_sample
from tests.scratch import ROOT, run
from tests.toys import Toys, two_variants
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.reporting.partial import experiment, unsettled
from valgap.repro.order import by_use
from valgap.stats.verdict import CauseEffect

RAW: dict[str, Any] = {
    "data": {"source": "embedded", "path": "data/embedded"},
    "split": {"block_size": 3, "blocks": [0, 1], "train_size": 100, "val_size": 100, "test_size": 100},
    "model": {"builder": "cnn", "files": "valgap/training"},
    "train": {"steps": 10},
    "diagnosis": {},
    "variants": {
        "baseline": {},
        "wide": {"width": 2},
        "narrow": {"width": 0.5},
        "tail": {"long_tail": 10},
        "logits": {"long_tail": 10, "class_remedy": "logit_adjustment"},
    },
    "exploratory": {"decay": {"weight_decay": 0.1}},
    "causes": {
        "capacity": {"removes": ["narrow"], "opposes": ["wide"]},
        "imbalance": {"injects": ["tail"], "remedies": ["logits"]},
    },
}


def cells(*names: str) -> set[tuple[str, int]]:
    return {(name.rstrip("01"), int(name[-1])) for name in names}


def parsed(raw: dict[str, Any], folder: Path) -> suite.Suite:
    (folder / "params.yaml").write_text(yaml.safe_dump(raw))
    return suite.load(folder / "params.yaml")


@pytest.mark.parametrize(
    ("done", "found"),
    [
        (["baseline0"], {"baseline": (0,)}),
        (["baseline1", "wide0", "wide1"], {"baseline": (1,), "wide": (1,)}),  # nothing to pair block 0 with
        (["baseline0", "baseline1", "wide0", "narrow0", "narrow1"],
         {"baseline": (0, 1), "wide": (0,), "narrow": (0, 1)}),
        (["baseline0", "narrow1"], {"baseline": (0,)}),
        (["baseline0", "decay0", "tail0"], {"baseline": (0,), "decay": (0,), "tail": (0,)}),
    ],
)  # fmt: skip
def test_the_experiment_is_what_is_trained_and_can_be_paired(
    done: list[str], found: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    params = parsed(experiment(RAW, cells(*done)), tmp_path)
    assert {name: tuple(sorted(blocks)) for name, blocks in params.cells.items()} == found


def test_causes_keep_the_arms_that_are_trained(tmp_path: Path) -> None:
    def causes(*done: str) -> dict[str, Any]:
        return parsed(experiment(RAW, cells("baseline0", *done)), tmp_path).causes

    assert causes() == {}
    assert causes("wide0")["capacity"].opposes == ("wide",)
    assert causes("wide0")["capacity"].removes == ()
    assert causes("logits0") == {}  # a remedy is compared with what injects
    assert causes("logits0", "tail0")["imbalance"].remedies == ("logits",)


def test_whatever_is_trained_of_the_shipped_run_is_an_experiment(tmp_path: Path) -> None:
    """In the order in which a first answer trains."""
    raw = yaml.safe_load((ROOT / "params.yaml").read_text())
    order = by_use(suite.load(ROOT / "params.yaml"))
    for count in range(1, len(order) + 1):
        params = parsed(experiment(raw, {(name, 0) for name in order[:count]}), tmp_path)
        assert set(params.variants) == set(order[:count])


@pytest.mark.parametrize(
    ("cause", "done", "word"),
    [
        ("augmentation_lack", ["augmentation"], "not tested"),  # the milder one may help, and did in the whole run
        ("augmentation_lack", ["augmentation", "mild_augmentation"], "not tested"),  # or with more steps
        ("augmentation_lack", ["augmentation", "mild_augmentation", "mild_augmentation_longer"], "not to blame"),
        ("labels", ["without_suspects"], "not to blame"),  # has no other
    ],
)
def test_no_cause_is_acquitted_while_an_arm_waits(cause: str, done: list[str], word: str) -> None:
    entry = next(each for each in page_sample.sample().verdict.causes if isinstance(each, CauseEffect))
    given = dataclasses.replace(entry, cause=cause, verdict="not to blame")
    (found,) = unsettled([given], suite.load(ROOT / "params.yaml"), {("baseline", 0), *((name, 0) for name in done)})
    assert found.verdict == word
    blamed = dataclasses.replace(given, verdict="contributes")
    assert [*unsettled([blamed], suite.load(ROOT / "params.yaml"), {("baseline", 0)})] == [blamed]


def test_without_the_baseline_nothing_is_reported() -> None:
    with pytest.raises(SuiteError, match="of 1 trained cells none is of the baseline"):
        experiment(RAW, cells("wide0"))


def test_a_part_is_reported_and_nothing_else_changes(tmp_path: Path, toys: Toys) -> None:
    folder = toys.copy(two_variants, tmp_path / "project")
    shutil.rmtree(folder / "runs/dropout")
    before = {path: path.read_bytes() for path in (folder / "reports").rglob("*") if path.is_file()}
    said = run(folder, "python", "-m", "valgap", "report", "--partial").stdout
    params = yaml.safe_load((folder / "params.yaml").read_text())
    total = 2 * len(params["split"]["blocks"])
    assert f"wrote reports/partial.html, of {total // 2} of {total} cells; `make repro` trains the others" in said
    page = (folder / paths.PARTIAL).read_text()
    assert f"So far, of {total // 2} of {total} cells: " in page
    assert "This report was made while training went on" in page
    after = {path: path.read_bytes() for path in (folder / "reports").rglob("*") if path.is_file()}
    assert after.pop(folder / paths.PARTIAL)
    assert after == before
    assert "partial.html" not in run(folder, "git", "status", "--short").stdout

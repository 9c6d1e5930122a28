"""One tiny trial from planting to its record, and what `valgap calibrate` makes of records."""

import dataclasses
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.calibrate.trials import named, planted, trial
from tests.scratch import ROOT
from valgap import diagnose, prepare
from valgap.calibrate import arms, command, document, project, running, score
from valgap.calibrate import trial as trials
from valgap.calibrate.records import Trial
from valgap.calibrate.scenarios import Scenario, all_scenarios
from valgap.calibrate.settings import SETTINGS
from valgap.document import markdown
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.params.causes import CAUSES
from valgap.ground.records import Plain
from valgap.results.calibration import read_calibration, write_calibration

# Of Keras, where it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
TINY = dataclasses.replace(
    SETTINGS["digits-cnn"],
    train=150,
    val=60,
    test=200,
    recipe=SETTINGS["digits-cnn"].recipe | {"steps": 12, "width": 0.1, "curve_points": 2, "curve_train_images": 60},
)
SCENARIO = Scenario("tiny", "fault", "digits-cnn", (("labels_uniform", 0),), True, 7)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "digits-cnn", TINY)
    few = {"longer", "without_suspects", "baseline"}  # each is traced anew, which takes longer than its training
    original = arms.arms

    def short(*arguments):
        variants, causes = original(*arguments)
        kept = {
            cause: {kind: [arm for arm in listed if arm in few] for kind, listed in kinds.items()}
            for cause, kinds in causes.items()
        }
        return {name: diff for name, diff in variants.items() if name in few}, {
            cause: kinds for cause, kinds in kept.items() if any(kinds.values())
        }

    monkeypatch.setattr(project, "arms", short)
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("tiny")
def test_a_trial_is_planted_diagnosed_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "ROUNDS", 0)
    found = trials.run(SCENARIO, "code", tmp_path)
    assert found.failed == ""
    assert found.replicates == 6
    [fault] = found.planted
    assert (fault.fault, fault.causes, fault.effect.n) == ("labels_uniform", ("labels",), 12)
    assert 0 < found.score < 1
    assert {"split", "labels", "training"} <= set(found.words)
    assert Path.cwd() == ROOT, "the folder is left again"
    stored = set((tmp_path / "store").iterdir())

    assert trials.known(SCENARIO, "code", tmp_path) == records.parse(Trial, records.text(found, 1))
    assert trials.known(SCENARIO, "other code", tmp_path) is None
    again = trials.run(SCENARIO, "other code", tmp_path)
    assert dataclasses.replace(again, seconds=0, code="") == dataclasses.replace(found, seconds=0, code="")
    assert set((tmp_path / "store").iterdir()) == stored, "judged again, trained nothing"


@pytest.mark.usefixtures("tiny")
def test_what_the_suite_refuses_is_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise SuiteError("the training loss is nan")

    monkeypatch.setattr(prepare, "main", refuse)
    assert trials.run(SCENARIO, "code", tmp_path).failed == "the training loss is nan"
    assert trials.known(SCENARIO, "code", tmp_path) is None, "it is tried again"
    monkeypatch.setattr(prepare, "main", lambda: 1 / 0)
    assert trials.run(SCENARIO, "code", tmp_path).failed == "ZeroDivisionError: division by zero"
    assert "Traceback" in (tmp_path / "tiny/log.txt").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_arms_that_the_diagnosis_asks_for_are_trained_in_two_further_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diagnosed = diagnose.main
    rounds: list[int] = []

    def asking() -> None:
        diagnosed()
        verdict = records.parse(dict, paths.VERDICT.read_bytes())
        rounds.append(len(list(paths.RUNS.iterdir())))
        verdict["follow_up"] = [
            {"variant": f"further_{len(rounds)}", "diff": {"steps": 12 + len(rounds)}, "why": "together", "of": []}
        ]
        paths.VERDICT.write_text(records.text(verdict, 1))

    monkeypatch.setattr(diagnose, "main", asking)
    found = trials.run(SCENARIO, "code", tmp_path)
    assert found.failed == ""
    assert found.rounds == 2
    assert rounds == [rounds[0], rounds[0] + 1, rounds[0] + 2]


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_an_arm_that_cannot_be_had_is_left_out_as_a_user_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tail for which a class has too few images: the suite names the variant to remove."""

    short = vars(project)["arms"]  # already cut short

    def with_a_tail(train: Plain, given: bool, unequal: bool) -> tuple[dict[str, Plain], dict[str, Plain]]:
        variants, causes = short(train, given, unequal)
        return variants | {"tail": {"long_tail": 500.0}}, causes | {"imbalance": {"injects": ["tail"]}}

    monkeypatch.setattr(project, "arms", with_a_tail)
    monkeypatch.setattr(trials, "ROUNDS", 0)
    found = trials.run(SCENARIO, "code", tmp_path)
    assert found.failed == ""
    assert found.left_out == ("tail",)
    assert "imbalance" not in found.words
    assert "tail is left out: " in (tmp_path / "tiny/log.txt").read_text()


def test_only_and_half_choose() -> None:
    assert {s.kind for s in command.chosen(("healthy",), None)} == {"healthy"}
    assert {s.planted[0][0] for s in command.chosen(("rate_low-*",), None)} == {"rate_low"}
    assert {s.half for s in command.chosen((), "judged")} == {"judged"}
    assert len(command.chosen((), None)) == len(all_scenarios())
    with pytest.raises(SuiteError, match="--only = nonesuch: it names no trial"):
        command.chosen(("nonesuch",), None)


def test_the_table_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(running, "run_all", None)
    result = CliRunner().invoke(command.command, ["--table", "--only", "rate_low"])
    assert result.exit_code == 0
    assert "judged  fault    rate_low-" in result.output


def test_reports_are_written_only_when_all_trials_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_found(scenarios, *_):
        for scenario in scenarios:
            yield trial(scenario.name, half=scenario.half)

    monkeypatch.setattr(running, "run_all", all_found)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    few = CliRunner().invoke(command.command, ["--only", "healthy"])
    assert few.exit_code == 0
    assert "How often is the diagnosis right?" in few.output
    assert not Path("reports").exists()
    assert CliRunner().invoke(command.command, []).exit_code == 0
    assert len(read_calibration().halves) == 2
    assert paths.CALIBRATION_TEXT.read_text().startswith("# How often is the diagnosis right?")


def test_every_rate_and_mistake_is_in_the_text(tmp_path: Path) -> None:
    given = [
        trial("good", planted("rate_low", 0.3), names=(named("training"),)),
        trial("bad", planted("labels_uniform", 0.12), names=(named("data", 0.02), named("capacity"))),
        trial("fine"),
        trial("refused", failed="the training loss is nan"),
    ]
    found = score.calibration(given, "code")
    write_calibration(found, tmp_path / "calibration.json")
    assert read_calibration(tmp_path / "calibration.json").doses == found.doses
    text = markdown.write(document.build(found))
    assert "Of 2 trials with a fault that counts the cause was named first in 50% (9 to 91; 1/2)" in text
    assert "labels\\_uniform (middle) +12.0" in text
    assert "data, capacity" in text
    assert "the training loss is nan" in text
    assert "{" not in text


def test_a_digest_of_all_code_that_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in trials.DECIDE:
        assert (paths.PACKAGE / name).exists(), name
    before = trials.code()
    assert trials.code() == before
    shipped = project.shipped_params()
    monkeypatch.setattr(project, "shipped_params", lambda: shipped | {"diagnosis": {"margin": 0.5}})
    assert trials.code() != before


def test_causes_that_faults_plant_are_known() -> None:
    opposites = {cause.opposite.name for cause in CAUSES.values() if cause.opposite}
    for cause in score.every_cause([]):
        assert cause in {*CAUSES, *opposites, "split"}


def test_the_working_folder_is_left_after_an_error(tmp_path: Path) -> None:
    before = os.getcwd()
    with pytest.raises(ZeroDivisionError), project.inside(tmp_path):
        _ = 1 / 0
    assert os.getcwd() == before

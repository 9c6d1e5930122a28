"""The real pipeline under the real DVC, at toy scale in scratch copies: what runs, what does not, what survives."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import vl_convert
from dvc.repo import Repo

from tests.scratch import ROOT, TOY, copy_repository, read_params, run, user_environment, write_params
from tests.toys import Toys, two_variants
from tests.watching import PATIENCE, results, stored, wait_for, words
from valgap.ground import paths
from valgap.results.tables import parse_table

ROOMS = sorted(
    path.name for path in (ROOT / "valgap").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
)
CELLS = {"train@baseline-0", "train@dropout-0"}
SLOW = TOY | {"split": TOY["split"] | {"block_size": 3}, "train": TOY["train"] | {"steps": 600, "batch_size": 32}}


@pytest.fixture(scope="module")
def project(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy after one full run of two variants."""
    folder = toys.copy(two_variants, tmp_path_factory.mktemp("project"))
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first")
    return folder


def stale(folder: Path) -> set[str]:
    """Stages that `dvc status` calls changed, asked without a process of its own."""
    with contextlib.chdir(folder), Repo(".") as repo:
        return set(repo.status())


@pytest.fixture
def edited(project: Path) -> Iterator[Callable[[str, str, str], None]]:
    """Replace text in a file of the project; undone afterwards."""
    originals: dict[Path, str] = {}

    def edit(name: str, old: str, new: str) -> None:
        path = project / name
        originals.setdefault(path, path.read_text())
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    yield edit
    for path, text in originals.items():
        path.write_text(text)


def test_full_run_leaves_its_artefacts(project: Path) -> None:
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert set(metrics) == {"baseline", "dropout"}
    for variant in metrics:
        folder = project / "runs" / variant / "0"
        assert {path.name for path in folder.iterdir()} == {
            "history.csv", "models", "predictions.npz", "run.json", "telemetry.json",
        }  # fmt: skip
        made = json.loads((folder / "run.json").read_text())
        assert [replicate["replicate"] for replicate in made["replicates"]] == [0, 1]
        assert made["environments"][0]["device"] == "cpu"
    assert not list((project / ".replicates/partial").iterdir())


def test_the_network_that_is_looked_at_is_the_one_that_was_scored(project: Path) -> None:
    looked = parse_table(paths.LOOKS, (project / paths.LOOKS).read_bytes())
    assert len(looked)
    with np.load(project / "runs/baseline/0/predictions.npz") as content:
        scored = dict(zip(content["test_index"][0].tolist(), content["test_probabilities"][0], strict=True))
    for row in looked.itertuples():
        assert row.probability == pytest.approx(scored[row.image].max(), abs=1e-5)
        assert row.left <= row.probability + 1e-9 or not row.drawn


def test_second_run_does_nothing_though_bytecode_was_written(project: Path) -> None:
    assert list((project / "valgap").rglob("*.pyc")), "the first run must have written bytecode"
    done = run(project, "dvc", "repro")
    assert "Running stage" not in done.stdout
    assert "Data and pipelines are up to date" in done.stdout
    assert "nothing to commit" in run(project, "git", "status").stdout


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("valgap/report/charts/panels.py", "strokeWidth=2", "strokeWidth=3", {"report"}),
        ("valgap/document/figures.py", "PNG_SCALE = 1.5", "PNG_SCALE = 2.5", {"report"}),
        ("valgap/review/words.py", "import", "import ", set()),
        ("valgap/compute/progress.py", "replicates", "replicas", {"models"}),
        ("valgap/compute/ray/node.py", "import", "import ", {"models"}),
        ("requirements.txt", "ruff==", "ruff==9", set()),
        ("README.md", "#", "# ", set()),
        ("valgap/stats/metrics.py", "CALIBRATION_BINS = 15", "CALIBRATION_BINS = 10",
         {"evaluate", "diagnose", "report"}),
        ("valgap/ground/paths.py", '"report.md"', '"index.md"',
         {"prepare", "models", "evaluate", "diagnose", "looks", "report"}),
        ("valgap/ground/params/suite.py", "BASELINE", "BASELINE ",
         {"prepare", "models", "evaluate", "diagnose", "looks", "report"}),
        ("valgap/findings/labels.py", "import", "import ", {"prepare"}),
        ("params.yaml", "workers: 0", "workers: 1", set()),
        ("params.yaml", "- 0.5", "- 0.6", {"models", "train@dropout-0", "evaluate", "diagnose"}),
        ("params.yaml", "l2_penalty: 0", "l2_penalty: 0.1",
         {"models", "train@baseline-0", "train@dropout-0", "evaluate", "diagnose", "looks"}),
        ("params.yaml", "builder: cnn", "builder: resnet",
         {"models", "train@baseline-0", "train@dropout-0", "evaluate", "diagnose", "looks"}),
        ("params.yaml", "on_unreadable: error", "on_unreadable: skip", {"prepare"}),
        ("params.yaml", "margin: 0.01", "margin: 0.02", {"diagnose"}),
        ("params.yaml", "causes:", "causes:  # a label", set()),
        ("requirements-train.txt", "numpy==", "numpy==9", {"models", "train@baseline-0", "train@dropout-0", "looks"}),
        ("requirements-gpu.txt", "nvidia-cudnn-cu12==", "nvidia-cudnn-cu12==9",
         {"train@baseline-0", "train@dropout-0"}),
        ("valgap/training/network/cnn.py", "128", "64",
         {"models", "train@baseline-0", "train@dropout-0", "looks"}),
    ],
)  # fmt: skip
def test_an_edit_invalidates_what_it_must_and_no_more(
    project: Path, edited: Callable[[str, str, str], None], name: str, old: str, new: str, expected: set[str]
) -> None:
    edited(name, old, new)
    assert stale(project) == expected


@pytest.fixture
def commented(project: Path) -> Iterator[Callable[[Path], None]]:
    """Add a comment to a Python file, or to the first of every folder below a folder; undone afterwards."""
    originals: dict[Path, bytes] = {}

    def comment(path: Path) -> None:
        files = {file.parent: file for file in sorted(path.rglob("*.py"), reverse=True)}
        for file in [path] if path.is_file() else files.values():
            originals[file] = file.read_bytes()
            file.write_bytes(originals[file] + b"# a comment\n")

    yield comment
    for path, content in originals.items():
        path.write_bytes(content)


@pytest.mark.parametrize("room", ROOMS)
def test_an_edit_of_no_room_but_training_makes_a_cell_stale(
    project: Path, commented: Callable[[Path], None], room: str
) -> None:
    commented(project / "valgap" / room)
    assert stale(project) & CELLS == (CELLS if room == "training" else set())


@pytest.mark.parametrize("folder", ["benchmarks", "tests", "docs"])
def test_an_edit_outside_the_library_makes_nothing_stale(
    project: Path, commented: Callable[[Path], None], folder: str
) -> None:
    for path in [project / folder, *(project / folder).glob("*.md")]:
        commented(path)
    assert stale(project) == set()


def test_conveniences_of_dvc_say_something(project: Path, edited: Callable[[str, str, str], None]) -> None:
    assert "test_accuracy" in run(project, "dvc", "metrics", "show", "--md").stdout
    plots = json.loads(run(project, "dvc", "plots", "show", "--json").stdout.splitlines()[-1])
    assert set(plots["data"]) == {"learning_curves", "confusion", "accuracy"}
    assert not plots.get("errors")
    for entries in plots["data"].values():
        specification = entries[0]["content"]
        assert len(specification["data"]["values"]) > 10
        assert "<DVC_METRIC" not in json.dumps(specification)  # every anchor was filled
        assert vl_convert.vegalite_to_svg(json.dumps(specification)).count("<path") > 10  # and it draws
    edited("params.yaml", "- 0.5", "- 0.6")
    assert "variants.dropout.dropout" in run(project, "dvc", "params", "diff").stdout


def test_bad_parameters_stop_every_stage_before_any_work(
    project: Path, edited: Callable[[str, str, str], None]
) -> None:
    before = results(project)
    edited("params.yaml", "- 0.5", "- 0.6")  # a reason to train
    edited("params.yaml", "device: auto", "device: abacus")  # of a block that training does not track
    done = run(project, "dvc", "repro", check=False)
    assert done.returncode != 0
    assert "compute.device = 'abacus': input should be 'auto', 'cpu' or 'gpu'" in done.stdout
    assert "replicates" not in done.stdout
    (project / "dvc.yaml").touch()
    after = results(project)
    assert {name: after[name] for name in after if name.startswith("reports")} == {
        name: before[name] for name in before if name.startswith("reports")
    }


@pytest.mark.slow
def test_experiment_from_the_command_line(project: Path) -> None:
    done = run(project, "dvc", "exp", "run", "-S", "train.learning_rate=3e-4")
    assert read_params(project)["train"]["learning_rate"] == 3e-4
    assert "Running stage 'train@dropout-0'" in done.stdout
    difference = run(project, "dvc", "metrics", "diff", "--md").stdout
    rows = [line for line in difference.splitlines() if line.startswith("| reports/metrics/")]
    assert len(rows) == 2 * 4  # variants x numbers
    assert all(re.search(r"\| -?[0-9.e-]+ +\|$", row) for row in rows)
    run(project, "git", "checkout", "-q", ".")
    assert "restored" not in run(project, "dvc", "checkout").stdout
    assert stale(project) == set()


@pytest.mark.slow
def test_added_block_trains_alone_and_gives_the_bits_of_both_at_once_by_one_worker(
    project: Path, tmp_path: Path
) -> None:
    scale = TOY | {"compute": {"workers": 1}, "split": TOY["split"] | {"blocks": [0, 1]}}
    other = copy_repository(tmp_path, scale, ["baseline", "dropout"])
    run(other, "dvc", "repro")  # from an empty store
    params = read_params(project)
    params["split"]["blocks"] = [0, 1]
    write_params(project, params)
    done = run(project, "dvc", "repro")
    assert "Running stage 'train@baseline-1'" in done.stdout
    assert "Running stage 'train@baseline-0'" not in done.stdout
    found = results(project)
    assert found == results(other)
    assert {"dvc.lock", "reports/metrics.json", "runs/dropout/1/predictions.npz"} <= set(found)


def start(folder: Path, *command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, cwd=folder, env=user_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def trainers(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The train stage and its workers, among the descendants of a running DVC."""
    found = psutil.Process(process.pid).children(recursive=True)
    return [child for child in found if any("python" in word for word in words(child)[:1])]


@pytest.mark.slow
def test_killed_dvc_leaves_no_orphan_and_the_next_run_is_right(tmp_path: Path) -> None:
    """kill -9 of DVC alone, then an edit: an orphan that went on writing would be certified under the edited value."""
    folder = copy_repository(tmp_path / "killed", SLOW, ["baseline"])
    process = start(folder, "dvc", "repro")
    wait_for(lambda: stored(folder) >= 1, "the first finished replicate")
    children = trainers(process)
    assert len(children) >= 3, "the stage and two workers"
    process.kill()
    process.communicate(timeout=PATIENCE)
    wait_for(lambda: not any(child.is_running() for child in children), "the death of every child")
    before = stored(folder)
    assert 1 <= before < 3
    assert not (folder / "runs/baseline/0").exists()

    again = run(folder, "dvc", "repro", "train")  # the same parameters: what is finished is not repeated
    assert f"3 replicates, {before} already in the store" in again.stdout
    kept = stored(folder)
    params = read_params(folder)
    params["train"] |= {"learning_rate": 0.002, "steps": 30}
    write_params(folder, params)
    run(folder, "dvc", "repro")
    assert kept == 3
    assert stored(folder) == 6
    assert not list((folder / ".replicates/partial").iterdir())

    clean = copy_repository(tmp_path / "clean", SLOW, ["baseline"])
    write_params(clean, params)
    run(clean, "dvc", "repro")
    assert results(folder) == results(clean)


@pytest.mark.slow
def test_killed_worker_fails_the_stage_and_keeps_the_finished(tmp_path: Path) -> None:
    folder = copy_repository(tmp_path, SLOW, ["baseline"])
    process = start(folder, "dvc", "repro", "train")
    wait_for(lambda: stored(folder) >= 1, "the first finished replicate")
    children = trainers(process)
    workers = [child for child in children if "spawn_main" in " ".join(words(child))]
    assert workers
    workers[-1].kill()
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "a process that ran TensorFlow was killed" in output
    assert "resumes from there" in output
    wait_for(lambda: not any(child.is_running() for child in children), "the death of every child")
    assert not list((folder / ".replicates/partial").iterdir())
    again = run(folder, "dvc", "repro", "train")
    assert "already in the store" in again.stdout
    assert stored(folder) == 3


def test_diverging_training_is_named_and_nothing_is_left(toys: Toys, tmp_path: Path) -> None:
    scale = TOY | {"train": TOY["train"] | {"learning_rate": 1e38}}
    folder = toys.share_cache(copy_repository(tmp_path, scale, ["baseline"]))
    done = run(folder, "dvc", "repro", check=False)
    assert done.returncode != 0
    assert "error: variant baseline, replicate " in done.stdout
    assert "lower train.learning_rate" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (folder / "runs").exists()


def test_one_repro_a_workspace_and_no_stale_rwlock(tmp_path: Path) -> None:
    folder = copy_repository(tmp_path, TOY, ["baseline"])
    (folder / ".dvc/tmp").mkdir(exist_ok=True)
    rwlock = folder / ".dvc/tmp/rwlock"
    rwlock.write_text(json.dumps({str(folder / "params.yaml"): {"write": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    first = start(folder, "python", "-m", "valgap", "repro", "prepare")
    started = psutil.Process(first.pid)
    command = "valgap.pipeline.child"
    wait_for(lambda: any(command in words(child) for child in started.children()), "the start of DVC, under the lock")
    second = run(folder, "python", "-m", "valgap", "repro", "prepare", check=False)
    output, _ = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, output
    assert second.returncode == 1
    assert "another `make repro` runs in this folder" in second.stdout
    rwlock.write_text('{"trunc')
    run(folder, "python", "-m", "valgap", "repro", "prepare")

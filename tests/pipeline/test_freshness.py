"""Freshness on a small DVC project of shell commands with this one's layout: every way to be stale is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.samples import provenance
from tests.scratch import run
from valgap.ground import records
from valgap.pipeline import freshness
from valgap.pipeline.freshness import Finding

PIPELINE = """
stages:
  prepare:
    cmd: mkdir -p data/prepared/arrays && cp code/a.txt data/prepared/arrays/a && echo {} > data/prepared/manifest.json
    deps: [code/a.txt]
    outs: [data/prepared/arrays, data/prepared/manifest.json]
  train:
    matrix: {variant: "${variants}"}
    cmd: mkdir -p runs/${item.variant}/0 && cat code/*/* data/prepared/arrays/a > runs/${item.variant}/0/predictions.npz
    deps: [code/model, data/prepared/arrays]
    params: [train, "variants.${item.variant}"]
    outs: ["runs/${item.variant}/0/predictions.npz"]
  evaluate:
    cmd: mkdir -p reports && cp code/provenance.json reports && cat runs/*/0/* > reports/metrics.json
    deps: [code/provenance.json, data/prepared, runs]
    metrics: [reports/metrics.json: {cache: false, persist: true}]
    outs: [reports/provenance.json: {cache: false, persist: true}]
  report:
    cmd: mkdir -p reports/figures && cp reports/metrics.json reports/figures/a && cp reports/metrics.json reports/x.html
    deps: [reports/metrics.json]
    outs:
      - reports/figures: {cache: false, persist: true}
      - reports/x.html
"""
PARAMS = "train: {steps: 3, width: 1}\nvariants:\n  baseline: {}\n  dropout: {rate: 0.5}\nreview: {margin: 1}\n"
CODE = {"code/a.txt": "images", "code/model/cnn.py": "network", "dvc.yaml": PIPELINE, "params.yaml": PARAMS}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("freshness")
    for name, text in (CODE | {"code/provenance.json": "{}"}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text("/data/prepared/\n/runs/\n")  # else DVC writes such files into the folders
    run(folder, "git", "init", "-q")
    run(folder, "dvc", "init", "-q")
    run(folder, "dvc", "repro", "-q", "train")
    locked = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    md5 = locked["train@baseline"]["outs"][0]["md5"]
    known = provenance({name: {"predictions_md5": {"0": md5}} for name in ("baseline", "dropout")})
    (folder / "code/provenance.json").write_text(records.text(known, indent=2))
    run(folder, "dvc", "repro", "-q")
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a fresh clone holds: code, dvc.lock, reports/ but for the cached page; no data, no runs, no cache."""
    kept = ("code", "reports", "dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config")
    for name in kept:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy: Callable[..., object] = shutil.copytree if (finished / name).is_dir() else shutil.copy
        copy(finished / name, tmp_path / name)
    (tmp_path / "reports/x.html").unlink()
    run(tmp_path, "git", "init", "-q")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def relock(project: Path, stage: str, **entry: object) -> None:
    """Change what dvc.lock says of a stage's first output."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    lock["stages"][stage]["outs"][0] |= entry
    (project / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))


def test_fresh_without_data_runs_or_cache(project: Path) -> None:
    assert freshness.check() == []
    replace(project / "params.yaml", "margin: 1", "margin: 2")
    assert freshness.check() == [], "no stage depends on it"


@pytest.mark.parametrize(
    ("name", "old", "new", "what", "stages"),
    [
        ("code/a.txt", "images", "other", "code/a.txt changed", ("prepare",)),
        ("code/model/cnn.py", "net", "wet", "code/model changed", ("train@baseline", "train@dropout")),
        ("params.yaml", "steps: 3", "steps: 4", "params.yaml: train differs from dvc.lock (steps)",
         ("train@baseline", "train@dropout")),
        ("params.yaml", "rate: 0.5", "rate: 0.6", "params.yaml: variants.dropout differs from dvc.lock (rate)",
         ("train@dropout",)),
        ("params.yaml", "  dropout:", "  l2: {}\n  dropout:", "declared in dvc.yaml, but never ran", ("train@l2",)),
        ("dvc.yaml", "cat runs/*/0/*", "cat runs/*/*/*", "its command in dvc.yaml changed", ("evaluate",)),
        ("reports/figures/a", "network", "Network", "reports/figures is not what the stage wrote", ("report",)),
    ],
)  # fmt: skip
def test_an_edit_is_named_with_the_stages_it_makes_stale(
    project: Path, name: str, old: str, new: str, what: str, stages: tuple[str, ...]
) -> None:
    replace(project / name, old, new)
    found = freshness.check()
    assert (what, stages) in [(finding.what, finding.stages) for finding in found]
    assert len(found) == 1


def test_hand_edited_metrics_are_caught_with_their_cure(project: Path) -> None:
    replace(project / "reports/metrics.json", "network", "netw0rk")
    whats = {finding.what: finding for finding in freshness.check()}
    assert set(whats) == {"reports/metrics.json is not what the stage wrote"}
    assert "`git checkout -- reports/metrics.json`" in whats["reports/metrics.json is not what the stage wrote"].cure


def test_missing_report_and_missing_lock(project: Path) -> None:
    (project / "reports/metrics.json").unlink()
    (found,) = freshness.check()
    assert found == Finding("reports/metrics.json is missing", ("evaluate",), "`git checkout -- reports/metrics.json`")
    (project / "dvc.lock").unlink()
    assert freshness.check()[0].what.startswith("dvc.lock is missing")


def test_lock_with_conflict_markers_is_a_finding(project: Path) -> None:
    lock = project / "dvc.lock"
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}=======\nschema: '2.0'\n>>>>>>> other\n")
    (found,) = freshness.check()
    assert "cannot be read" in found.what
    assert "take either side" in found.cure


def test_upstream_that_ran_alone(project: Path) -> None:
    """`dvc repro prepare` and a commit: what trained on the old data is stale though no file that Git holds changed."""
    relock(project, "prepare", md5="0" * 32 + ".dir")
    found = freshness.check()
    assert [finding.what for finding in found] == ["data/prepared/arrays was made anew since"]
    assert found[0].stages == ("train@baseline", "train@dropout")


def test_reports_of_other_runs(project: Path) -> None:
    """A train stage ran since: dvc.lock has other predictions than provenance.json says the tables were made from."""
    relock(project, "train@dropout", md5="1" * 32)
    (found,) = freshness.check()
    assert found.what == "reports/ were not made from runs/dropout/0/predictions.npz as dvc.lock has it"
    assert found.cure == freshness.cure()


def test_runs_of_another_size(project: Path) -> None:
    relock(project, "train@dropout", size=1234)
    assert [finding.what for finding in freshness.check()] == ["runs/ holds other runs or data since"]


# What `dvc add` tracks, in a clone that does not have it


@pytest.fixture
def photos(project: Path) -> Path:
    """The project with a folder of images, in Git by its .dvc file alone, that prepare depends on and that is away."""
    (project / "photos").mkdir()
    (project / "photos/1.png").write_text("an image")
    (project / ".gitignore").write_text("/photos\n/data/prepared/\n/runs/\n")
    run(project, "dvc", "add", "-q", "photos")
    replace(project / "dvc.yaml", "deps: [code/a.txt]", "deps: [code/a.txt, photos]")
    entry = yaml.safe_load((project / "photos.dvc").read_text())["outs"][0]
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    lock["stages"]["prepare"]["deps"].append(entry)
    (project / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    shutil.rmtree(project / "photos")
    return project


def test_images_that_dvc_tracks_need_not_be_here(photos: Path) -> None:
    assert freshness.check() == []
    (photos / "photos.dvc").unlink()
    assert [finding.what for finding in freshness.check()] == ["photos is missing"]


def test_other_images_that_dvc_tracks_make_the_results_stale(photos: Path) -> None:
    (photos / "photos").mkdir()
    (photos / "photos/2.png").write_text("another image")
    assert [finding.what for finding in freshness.check()] == ["photos changed"], "before `dvc add` too"
    run(photos, "dvc", "add", "-q", "photos")
    shutil.rmtree(photos / "photos")
    (found,) = freshness.check()
    assert (found.what, found.stages) == ("photos was added anew since", ("prepare",))


def test_a_folder_of_code_that_lacks_weights_is_not_called_changed(project: Path) -> None:
    weights = project / "code/model/weights.h5"
    weights.write_text("numbers")
    run(project, "dvc", "add", "-q", "code/model/weights.h5")
    weights.unlink()
    whats = [finding.what for finding in freshness.check()]
    assert whats == ["code/model cannot be compared, as code/model/weights.h5 is not here (`dvc pull`)"]

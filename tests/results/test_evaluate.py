import base64
import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.scratch import ROOT, only
from valgap import diagnose, evaluate, prepare
from valgap.data.prepared import load_labels
from valgap.data.sources import embedded
from valgap.data.sources.images import Images
from valgap.data.sources.source import Source
from valgap.diagnose import curve
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz, write_npz, write_whole
from valgap.ground.params import suite
from valgap.ground.params.experiment import Data, settings_as_dict
from valgap.ground.params.suite import REFERENCE_NAMES, Suite
from valgap.report import stage as report
from valgap.results import scores
from valgap.results.provenance import read_provenance
from valgap.results.runs import load_runs
from valgap.stats.references import REFERENCES
from valgap.training.subset import load_splits

NAMES = ("cat", "NA", "<b>owl|`</b>")  # what users name
TRAIN, TEST = 9, 30


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A prepared folder and finished runs of two variants, two blocks of two replicates, without any training."""
    params = only(yaml.safe_load((ROOT / "params.yaml").read_text()), ["baseline", "dropout"])
    params["split"] |= {"block_size": 2, "blocks": [0, 1], "train_size": TRAIN, "val_size": 12, "test_size": TEST}
    params["train"] |= {"evaluation_policies": {"flip": {"horizontal_flip": True}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 20)
    pixels = rng.integers(0, 255, (120, 4, 4, 1), dtype=np.uint8)
    given = np.repeat(["", "test"], 60)
    images = Images(pixels, np.tile(labels, 2), NAMES, given, tuple(map(str, range(120))), {"toy": "0" * 64})

    def toy(data: Data, target: Path) -> Images:
        np.save(target, pixels)
        return images

    monkeypatch.setattr(embedded, "SOURCE", Source(toy))
    prepare.main()
    loaded = suite.load()
    for variant in loaded.variants:
        for block in loaded.split.blocks:
            write_run(loaded, variant, block, right=0.6 if variant == "baseline" else 0.9)
    return loaded


def write_run(params: Suite, variant: str, block: int, right: float, classes: int = 3) -> None:
    """A finished cell whose validation and test predictions are right with probability `right`."""
    splits, rng = load_splits(block), np.random.default_rng(block)
    every = load_labels()
    index = {"train": splits.train[:, :TRAIN], "val": splits.val, "test": splits.test}
    predictions: dict[str, Any] = {"replicates": np.array(splits.replicates), "train_images": np.full(2, TRAIN)}
    for split, rows in index.items():
        labels = every[rows]
        correct = rng.random(labels.shape) < (1 if split == "train" else right)
        probabilities = np.eye(classes, dtype=np.float32)[np.where(correct, labels, (labels + 1) % classes)]
        probabilities = probabilities * 0.7 + np.float32(0.3 / classes)
        predictions |= {f"{split}_probabilities": probabilities, f"{split}_labels": labels, f"{split}_index": rows}
        predictions[f"{split}_groups"] = rows
    predictions["val_under_flip_probabilities"] = predictions["val_probabilities"]
    folder = paths.run_folder(variant, block)
    folder.mkdir(parents=True)
    np.savez(folder / paths.PREDICTIONS, **predictions)
    run = {
        "variant": variant,
        "block": block,
        "seed": params.split.seed,
        "model": dataclasses.asdict(params.model),
        "settings": settings_as_dict(params.variants[variant]),
        "replicates": [
            {"replicate": r, "parameters": 10, "forward_flops": 100, "selected_step": 960} for r in splits.replicates
        ],
        "environments": [{"python": "3", "device": "cpu"}],
    }
    (folder / paths.RUN).write_text(json.dumps(run))
    scores = {f"{split}_{score}": 0.5 for split in ("train", "val") for score in ("accuracy", "nll")}
    history = [{"replicate": r, "step": s, "epoch": s / 31.25, **scores} for r in splits.replicates for s in (480, 960)]
    pd.DataFrame(history).to_csv(folder / paths.HISTORY, index=False)


def read(path: Path) -> pd.DataFrame:
    """A table whose class names may look like missing values."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def test_tables_agree_with_the_predictions(project: Suite) -> None:
    evaluate.main()
    results = pd.read_csv(paths.RESULTS)
    loaded = load_runs(project)
    scores = results.query("split == 'test' and metric == 'accuracy'").set_index(["variant", "replicate"])["value"]
    for variant, run in loaded.items():
        for row in range(4):
            expected = np.mean(run["test_probabilities"][row].argmax(axis=1) == run["test_labels"][row])
            assert scores[variant, row] == pytest.approx(expected, abs=1e-6)
    wide = results[results.metric.isin(["accuracy", "gap"])].pivot_table(
        index=["variant", "replicate"], columns="split", values="value"
    )
    gap = wide.dropna()
    np.testing.assert_allclose(gap["train-val"], gap["train"] - gap["val"], atol=1e-6)
    assert len(gap) == 8
    metrics = json.loads(paths.METRICS.read_text())
    assert set(metrics) == {"baseline", "dropout"}
    assert metrics["dropout"]["test_accuracy"] == pytest.approx(wide.loc["dropout", "test"].mean(), abs=1e-6)
    assert metrics["dropout"]["gap"] == pytest.approx(1 - wide.loc["dropout", "val"].mean(), abs=1e-6)
    assert {path.stem: json.loads(path.read_text()) for path in paths.OF_VARIANTS.iterdir()} == metrics


def test_metrics_of_a_variant_that_is_gone_go_too(project: Suite) -> None:
    gone = paths.OF_VARIANTS / "gone.json"
    write_whole(gone, "{}")
    evaluate.main()
    assert not gone.exists()


def numbers_in(content: Any) -> bool:
    return all(isinstance(value, float | int) and not isinstance(value, bool) for value in content.values())


def test_metrics_of_dvc_are_numbers_without_words(project: Suite) -> None:
    evaluate.main()
    diagnose.main()
    verdict = json.loads(paths.VERDICT.read_text())
    effects = {path.stem: json.loads(path.read_text()) for path in paths.EFFECTS.iterdir()}
    assert all(map(numbers_in, effects.values()))
    assert {"gap", "regularization", "remedy"} <= set(effects)
    assert effects["gap"]["mean"] == pytest.approx(verdict["gap"]["train_val"]["mean"], abs=1e-6)
    told = json.loads(paths.DIAGNOSIS.read_text())["causes"]["regularization"]
    assert {key: told[key] for key in ("mean", "low", "high")} == effects["regularization"]


def test_intervals_of_test_scores_cover_examples_too(project: Suite) -> None:
    evaluate.main()
    summary = pd.read_csv(paths.SUMMARY).set_index(["variant", "split", "metric"])
    assert summary.loc[("dropout", "val", "accuracy"), "covers"] == "replicates"
    assert summary.loc[("dropout", "test", "accuracy"), "covers"] == "replicates and examples"
    under, plain = (summary.loc[("dropout", split, "accuracy"), "mean"] for split in ("val_under_flip", "val"))
    assert under == plain  # the toy's warped predictions are the unwarped ones


def test_paired_difference_is_that_of_the_replicates(project: Suite) -> None:
    evaluate.main()
    diagnose.main()
    contrasts = pd.read_csv(paths.CONTRASTS).set_index(["variant", "role", "metric"])
    results = pd.read_csv(paths.RESULTS).set_index(["variant", "split", "metric"])
    val = results.loc[("dropout", "val", "accuracy"), "value"].to_numpy() - results.loc[
        ("baseline", "val", "accuracy"), "value"
    ].to_numpy()  # fmt: skip
    row = contrasts.loc[("dropout", "cause", "val_accuracy")]
    assert row["mean"] == pytest.approx(val.mean(), abs=1e-5)
    assert row["sd"] == pytest.approx(val.std(ddof=1), abs=1e-5)
    assert row["wins"] == f"{(val > 0).sum()}/4"
    assert contrasts.loc[("dropout", "cause", "accuracy"), "mean"] != row["mean"]
    assert set(contrasts.against) == {"baseline"}


def test_reliability_and_hardest_images_agree_with_the_predictions(project: Suite) -> None:
    evaluate.main()
    table = pd.read_csv(paths.RELIABILITY)
    accuracy = pd.read_csv(paths.SUMMARY).set_index(["variant", "split", "metric"])["mean"]
    for variant, bins in table.groupby("variant"):
        assert bins.predictions.sum() == 4 * TEST
        weighted = (bins.accuracy * bins.predictions).sum() / bins.predictions.sum()
        assert weighted == pytest.approx(accuracy[variant, "test", "accuracy"], abs=1e-5)
    hardest = read(paths.HARDEST)
    run = load_runs(project)["baseline"]
    wrong = (run["test_probabilities"].argmax(axis=2) != run["test_labels"]).sum(axis=0)
    assert hardest.wrong.tolist() == sorted(wrong[wrong > 0], reverse=True)[:24]
    assert (hardest.wrong == wrong[np.searchsorted(run["test_index"][0], hardest.image)]).all()
    assert (hardest.actual != hardest.predicted).all()
    assert base64.b64decode(hardest.png[0]).startswith(b"\x89PNG")


def test_classes_and_confusion_add_up(project: Suite) -> None:
    evaluate.main()
    confusion = read(paths.CONFUSION)
    assert confusion.groupby("variant")["count"].sum().tolist() == [4 * TEST] * 2
    classes = read(paths.CLASSES).query("split == 'test'")
    diagonal = confusion.query("actual == predicted").groupby("variant")["count"].sum() / (4 * TEST)
    balanced = classes.groupby("variant")["recall"].mean()  # the toy test set is balanced
    np.testing.assert_allclose(diagonal, balanced, atol=1e-6)
    assert set(classes["class"]) == set(NAMES)


def test_references_are_rows_of_the_results(project: Suite) -> None:
    evaluate.main()
    results = pd.read_csv(paths.RESULTS)
    assert set(REFERENCES) == set(REFERENCE_NAMES)
    majority = results.query("variant == 'majority_class' and split == 'test' and metric == 'accuracy'")
    assert majority["value"].tolist() == pytest.approx([1 / 3] * 4, abs=1e-5)
    assert set(results.query("variant == 'nearest_neighbour'")["metric"]) == {"accuracy", "balanced_accuracy"}


def test_evaluation_is_byte_stable(project: Suite) -> None:
    evaluate.main()
    before = {str(path): path.read_bytes() for path in paths.REPORTS.rglob("*") if path.is_file()}
    evaluate.main()
    assert {str(path): path.read_bytes() for path in paths.REPORTS.rglob("*") if path.is_file()} == before
    assert not [name for name in before if "partial" in name]


def everything() -> None:
    evaluate.main()
    diagnose.main()
    report.main()


def test_report_says_what_the_tables_say(project: Suite) -> None:
    everything()
    text, page = paths.REPORT.read_text(), paths.HTML.read_text()
    summary = pd.read_csv(paths.SUMMARY).set_index(["variant", "split", "metric"])
    row = summary.loc[("dropout", "test", "accuracy")]
    assert f"{100 * row['mean']:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})" in text
    (remedy,) = json.loads(paths.VERDICT.read_text())["remedies"]["best"]
    assert (remedy["variant"], remedy["n"]) == ("dropout", 4)
    change = f"+{100 * remedy['mean']:.1f} pp (+{100 * remedy['low']:.1f} to +{100 * remedy['high']:.1f})"
    assert change in text
    assert change in page
    assert "1-nearest neighbour" in text
    assert "<b>owl" not in text + page.split("<script")[0]  # what users name is inert
    for line in text.splitlines():
        if line.startswith("| `dropout` | ") and " of 10" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 4
            break
    else:
        pytest.fail("no row of the hardest and easiest class")
    names = re.findall(r"\(figures/(\w+)\.svg\)", text)
    assert {"accuracy_and_gap", "differences", "dose_response", "reliability", "confusion_matrix"} <= set(names)
    assert {path.name for path in paths.FIGURES.iterdir()} == {
        f"{name}.{end}" for name in names for end in ("svg", "png")
    }
    for name in names:
        assert (paths.FIGURES / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (paths.FIGURES / f"{name}.svg").read_text()
    files = [paths.REPORT, paths.HTML, *paths.FIGURES.iterdir()]
    before = {path: path.read_bytes() for path in files}
    report.main()
    assert {path: path.read_bytes() for path in before} == before
    assert json.loads(paths.DIAGNOSIS.read_text())["remedies"] == ["dropout"]


def test_report_of_a_single_replicate_claims_nothing(project: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(content: Any) -> Any:
        return dataclasses.replace(content, replicates=content.replicates[:1])

    for stage in (evaluate, diagnose):
        monkeypatch.setattr(
            stage, "load_runs", lambda p: {v: {k: a[:1] for k, a in r.items()} for v, r in load_runs(p).items()}
        )
    monkeypatch.setattr(evaluate, "load_splits", lambda block: first(load_splits(block)))
    monkeypatch.setattr(diagnose, "curve", lambda p, v: curve(p, v).query("replicate == 0"))
    everything()
    text = paths.REPORT.read_text()
    assert "One replicate has no interval" in text
    assert json.loads(paths.DIAGNOSIS.read_text())["causes"]["regularization"]["verdict"] == "unknown"
    for content in (text, paths.HTML.read_text().split("<script")[0]):
        assert not re.search(r"\b(nan|None(?! speaks)|null)\b", content)


def test_missing_run_is_named(project: Suite) -> None:
    (paths.run_folder("dropout", 1) / paths.PREDICTIONS).unlink()
    with pytest.raises(SuiteError, match=r"missing run: runs/dropout/1/predictions.npz; run `dvc repro`"):
        evaluate.main()
    assert [path.name for path in paths.REPORTS.iterdir()] == ["audit.json"]


@pytest.mark.parametrize("stray", ["runs/ghost/0", "runs/dropout/7"])
def test_stray_run_is_named(project: Suite, stray: str) -> None:
    Path(stray).mkdir(parents=True)
    with pytest.raises(
        SuiteError, match=rf"runs/ holds what params.yaml does not declare: {'/'.join(stray.split('/')[:2])}"
    ):
        evaluate.main()


def test_truncated_predictions_are_named(project: Suite) -> None:
    path = paths.run_folder("dropout", 1) / paths.PREDICTIONS
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SuiteError, match=r"runs/dropout/1 cannot be read .* run `dvc repro -f -s train@dropout-1`"):
        evaluate.main()


def test_run_of_other_settings_or_images_is_named(project: Suite) -> None:
    folder = paths.run_folder("dropout", 0)
    run = json.loads((folder / paths.RUN).read_text())
    (folder / paths.RUN).write_text(json.dumps(run | {"settings": run["settings"] | {"steps": 1}}))
    with pytest.raises(SuiteError, match="runs/dropout/0 was trained with other settings"):
        evaluate.main()
    (folder / paths.RUN).write_text(json.dumps(run))
    with np.load(folder / paths.PREDICTIONS) as content:
        known = {name: content[name] for name in content}
    for other in ({"val_index": known["val_index"][::-1]}, {"train_images": known["train_images"] - 1}):
        np.savez(folder / paths.PREDICTIONS, **known | other)
        with pytest.raises(SuiteError, match="runs/dropout/0 was trained on other images"):
            evaluate.main()


def test_a_variant_without_suspects_says_how_many_images_it_learned_from(project: Suite) -> None:
    """Different numbers in each replicate: the mean is said, and all are scored on whole training lists."""
    for block in project.split.blocks:
        path = paths.split_file(block)
        write_npz(path, read_npz(path) | {"suspects": np.unique(load_splits(0).train[0, :2])})
    params = yaml.safe_load(paths.PARAMS.read_text())
    params["variants"]["dropout"] = {"suspects": "leave_out"}
    paths.PARAMS.write_text(yaml.safe_dump(params))
    cleaned, learned = suite.load(), []
    for block in cleaned.split.blocks:
        shutil.rmtree(paths.run_folder("dropout", block))
        write_run(cleaned, "dropout", block, right=0.9)
        splits, path = load_splits(block), paths.run_folder("dropout", block) / paths.PREDICTIONS
        learned += [TRAIN - int(np.isin(row[:TRAIN], splits.suspects).sum()) for row in splits.train]
        write_npz(path, read_npz(path) | {"train_images": np.array(learned[-2:])})
    evaluate.main()
    variants = read_provenance().variants
    assert (variants["baseline"].train_images, learned[0]) == (TRAIN, TRAIN - 2)
    assert variants["dropout"].train_images == round(np.mean(learned))


def test_predictions_that_are_not_finite_are_named(project: Suite) -> None:
    path = paths.run_folder("dropout", 1) / paths.PREDICTIONS
    content = dict(np.load(path))
    content["test_probabilities"][0, 0, 0] = np.nan
    np.savez(path, **content)
    for stage in (evaluate, diagnose):
        with pytest.raises(SuiteError, match=r"runs/dropout/1: test_probabilities holds values that are not finite"):
            stage.main()


def test_damaged_prepared_files_are_named(project: Suite) -> None:
    for path in (paths.IMAGES, paths.split_file(0)):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(SuiteError, match=rf"{path} cannot be read .* run `dvc repro prepare`"):
            evaluate.main()
        path.write_bytes(content)


def test_missing_tables_are_named(project: Suite) -> None:
    with pytest.raises(SuiteError, match=r"reports/summary.csv is missing: run `dvc repro diagnose`"):
        report.main()


def test_failed_writing_keeps_the_old_reports(project: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate.main()
    before = {str(path): path.read_bytes() for path in paths.REPORTS.rglob("*") if path.is_file()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(SuiteError, match=r"cannot write reports: .*No space left on device.*free space"):
        evaluate.main()
    assert {str(path): path.read_bytes() for path in paths.REPORTS.rglob("*") if path.is_file()} == before


def test_every_metric_of_the_headline_exists() -> None:
    assert set(scores.HEADLINE.values()) == {"val_accuracy", "test_accuracy", "gap", "test_nll"}

import subprocess
import sys
import textwrap

from tests.scratch import ROOT
from valgap.stats.measured import MEASURES as CONTRASTED
from valgap.stats.measures import MEASURES, PRIMARY, listed
from valgap.stats.metrics import METRICS

ADDED = """
    import numpy as np
    from valgap.stats import metrics

    metrics.METRICS["brier"] = metrics.Metric(
        "brier", "{}Brier score", "{}Brier", lambda p, y: 0.25, lambda p, y: np.full(len(y), 0.25),
        higher_is_better=False, percent=False,
    )
    from types import SimpleNamespace as Fake

    from tests.stats.synthetic import run
    from valgap.check import sections
    from valgap.document.parts import Table
    from valgap.ground.params.suite import Review
    from valgap.results import scores
    from valgap.review import changes
    from valgap.stats import shares
    from valgap.stats.measures import listed, primary_measure

    loaded = {"baseline": run({"test": np.ones((2, 10), bool)}, replicates=2)}
    results = scores.score(loaded)
    assert set(results[results.metric == "brier"].split) == {"train", "val", "test"}
    summary = scores.summarise(results, loaded)
    row = summary[(summary.metric == "brier") & (summary.split == "test")].iloc[0]
    assert (row["mean"], row["covers"]) == (0.25, "replicates and examples")
    assert "test Brier" in [measure.heading for measure in listed()]
    review = Review(primary="test_brier", margin=0.1, fail_on=(), tolerance=0, gap_tolerance=0)
    assert primary_measure(review).title == "test Brier score"
    checked = shares.scores(np.eye(2)[[0, 1, 0]], np.array([0, 1, 1]), None)
    result = Fake(
        predicted=Fake(images=Fake(groups=None)), scores={"train": checked}, fitted="train", balanced=False, clean=None,
        held_out=None, gap=None,
    )
    (table,) = [part for part in sections.scores(result).parts if isinstance(part, Table)]
    assert "Brier" in table.headings
"""


def test_a_metric_is_one_object_and_appears_everywhere() -> None:
    words = [sys.executable, "-c", textwrap.dedent(ADDED)]
    done = subprocess.run(words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def test_columns_of_the_report_and_choices_of_the_review() -> None:
    assert [measure.heading for measure in listed()] == [
        "train acc. %", "val acc. %", "test acc. %", "balanced test acc. %", "test AUROC %", "gap (pp)", "test NLL",
        "test ECE %",
    ]  # fmt: skip
    assert {"test_accuracy", "test_balanced_accuracy", "test_nll", "test_ece", "val_accuracy", "val_nll"} <= {*PRIMARY}
    assert not {"gap", "train_accuracy"} & {*PRIMARY}
    assert MEASURES["test_balanced_accuracy"].title == "balanced test accuracy"
    assert (MEASURES["val_nll"].unit, MEASURES["val_nll"].higher_is_better) == ("nats", False)
    assert [*CONTRASTED] == ["accuracy", "balanced_accuracy", "nll", "val_accuracy", "train_accuracy", "gap"]
    assert all(name == metric.name for name, metric in METRICS.items())

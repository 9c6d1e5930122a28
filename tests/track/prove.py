"""`python -m tests.track.prove`, where MLflow is installed: writes this clone's reports into a real store and reads it.

Not part of `make test`: MLflow asks for a hundred packages that nothing else here needs, and is not locked.
"""

import os
import tempfile
from pathlib import Path

from mlflow import MlflowClient

from tests.scratch import ROOT
from valgap.ground import paths
from valgap.report import inputs
from valgap.track import to_mlflow, tree


def main() -> None:
    """Fails where what MLflow gives back is not what was to be written."""
    os.chdir(ROOT)
    root = tree.build(inputs.read(), tree.scores())
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{Path(folder, 'mlflow.db')}"
        MlflowClient(tracking_uri=store).create_experiment(to_mlflow.EXPERIMENT, artifact_location=folder)
        print(to_mlflow.write(root, store))
        again = to_mlflow.write(root, store)
        assert "holds these reports already" in again, again
        client = MlflowClient(tracking_uri=store)
        (experiment,) = client.search_experiments(filter_string=f"name = '{to_mlflow.EXPERIMENT}'")
        runs = client.search_runs([experiment.experiment_id], max_results=5000)
        assert len(runs) == sum(1 + len(child.children) for child in root.children) + 1
        assert {run.info.status for run in runs} == {"FINISHED"}
        by_parent: dict[str, list[str]] = {}
        for run in runs:
            by_parent.setdefault(run.data.tags.get("mlflow.parentRunId", ""), []).append(run.info.run_id)
        (top,) = by_parent[""]
        known = {run.info.run_id: run for run in runs}
        assert sorted(known[each].info.run_name for each in by_parent[top]) == sorted(c.name for c in root.children)
        for child in root.children:
            (run,) = (known[each] for each in by_parent[top] if known[each].info.run_name == child.name)
            assert run.data.params == dict(child.params)
            assert {name: run.data.metrics[name] for name in child.metrics} == dict(child.metrics)
            assert {name: run.data.tags[name] for name in child.tags} == dict(child.tags)
            assert len(by_parent[run.info.run_id]) == len(child.children)
            for name, curve in child.curves.items():
                history = client.get_metric_history(run.info.run_id, f"curve.{name}")
                assert sorted((point.step, point.value) for point in history) == list(curve)
        files = {item.path for item in client.list_artifacts(top)}
        assert {path.name for path in root.files} == files
        assert paths.VERDICT.name in files
    print("MLflow gives back what was written")


if __name__ == "__main__":
    main()

"""Runs of MLflow, by its client alone: nothing global is set, and a store of your own or a server is written alike."""

import importlib.util
import logging
import time
from collections.abc import Iterator
from typing import Any

from valgap.ground.errors import SuiteError
from valgap.track.tree import Node

STORE = "sqlite:///mlflow.db"
EXPERIMENT = "valgap"
TAG = "valgap.reports"
APART = 10_000  # milliseconds between the runs of one level and of the next, as their starts are told
METRICS, PARAMS = 1000, 100  # of one call that MLflow takes at most
Point = tuple[str, float, int]  # name, value, step


def write(tree: Node, store: str | None) -> str:
    """Write the runs into a store, an address as MLflow names it; what was done in a line.

    Raises SuiteError where MLflow is missing, or with its own words where the store cannot be written.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise SuiteError("valgap track --to mlflow needs mlflow: pip install 'valgap[mlflow]'")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    logging.getLogger("alembic").setLevel(logging.WARNING)  # a new SQLite store tells each of its migrations
    where = store or STORE
    try:
        client = MlflowClient(tracking_uri=where)
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        query = f"tags.`{TAG}` = '{tree.tags[TAG]}' and attributes.status = 'FINISHED'"
        if known := client.search_runs([experiment], query):
            return f"{where} holds these reports already: run {known[0].info.run_id} of the experiment {EXPERIMENT}"
        run, count = _write(client, experiment, tree)
    except (MlflowException, OSError, ImportError) as error:
        raise SuiteError(f"MLflow cannot write --store = {where}: {' '.join(str(error).split())[:300]}") from None
    return f"wrote {count} runs to {where}, experiment {EXPERIMENT}: {tree.name} is run {run}"


def points(node: Node) -> list[Point]:
    """Every number of a run: means and effects at step 0, learning curves under names of their own."""
    numbers = [(name, value, 0) for name, value in node.metrics.items()]
    return numbers + [(f"curve.{name}", value, step) for name, curve in node.curves.items() for step, value in curve]


def batches(node: Node) -> Iterator[tuple[str, list[Any]]]:
    """What is written of a run, call by call: (kind, entries), each no more than MLflow takes at once."""
    for kind, entries, size in (("params", [*node.params.items()], PARAMS), ("metrics", points(node), METRICS)):
        for start in range(0, len(entries), size):
            yield kind, entries[start : start + size]


def _write(client: Any, experiment: str, root: Node) -> tuple[str, int]:
    """(id of the run, how many with those below it). It counts as finished once all below it are."""
    now = int(1000 * time.time())
    places: dict[int, int] = {}  # runs by level

    def below(node: Node, parent: str | None, level: int) -> str:
        # MLflow shows the newest first, a hundred at once: the diagnosis, the variants in their order, then replicates.
        places[level] = places.get(level, 0) + 1
        tags = {**node.tags, **({"mlflow.parentRunId": parent} if parent else {})}
        start = now - APART * level - places[level]
        run: str = client.create_run(experiment, run_name=node.name, tags=tags, start_time=start).info.run_id
        _fill(client, run, node, now)
        for child in node.children:
            below(child, run, level + 1)
        client.set_terminated(run)
        return run

    return below(root, None, 0), sum(places.values())


def _fill(client: Any, run: str, node: Node, now: int) -> None:
    """Everything of a run but its name and tags; `now` in milliseconds."""
    from mlflow.entities import Metric, Param

    for kind, entries in batches(node):
        if kind == "params":
            client.log_batch(run, params=[Param(*entry) for entry in entries])
        else:
            client.log_batch(run, metrics=[Metric(name, value, now, step) for name, value, step in entries])
    for path in node.files:
        client.log_artifact(run, str(path))

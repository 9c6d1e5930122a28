"""Running scenarios: each a small project in which the suite's own stages run, one process a core.

Reads the repository's params.yaml; writes .scenarios/<name>/, with outcome.json last. Finished replicates lie in
.scenarios/store: what is killed resumes, and a changed rule judges again without training.
"""

import contextlib
import dataclasses
import hashlib
import json
import math
import multiprocessing
import shutil
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tests.scenarios.known import FOLDER, Known
from valgap.calibrate import project, trial
from valgap.calibrate.records import Effect, Named
from valgap.calibrate.running import own_process
from valgap.compute import store
from valgap.compute.backend import Backend
from valgap.compute.pool import main_hidden
from valgap.ground import paths, records
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.ground.records import Number, Plain
from valgap.report import headline, inputs

WORK = Path(".scenarios")
OUTCOME = "outcome.json"
IN_GIT = FOLDER / "outcomes.json"  # those of the page's table: all of them take hours, in more than one sitting
RESUME = "finished scenarios are kept: run the same command again"
OWN = ("copies.py", "planting.py", "known.py", "run.py")  # beside this file: what decides an outcome
WORDS = ("report/headline.py", "report/words.yaml")  # of the package: likewise


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the diagnosis said of a scenario: the causes of its headline, its words by cause, the headline itself.

    A cause that is neither planted nor known to help was tried on fresh replicates, where it has an arm: `confirmed`.
    `score` is the baseline's accuracy on test images, `trained` counts replicates, `failed` is why there is none.
    """

    name: str
    named: tuple[Named, ...]
    words: dict[str, str]
    headline: str
    score: Number
    rounds: int
    left_out: tuple[str, ...]
    trained: int
    seconds: Number
    failed: str
    code: str


def code(known: Known) -> str:
    """Digest of all that decides an outcome: the diagnosis, the planting, the scenario."""
    digest = hashlib.sha256(trial.code().encode())
    for path in (*(FOLDER / name for name in OWN), *(paths.PACKAGE / name for name in WORDS)):
        digest.update(store.code_digest(path).encode())
    digest.update(json.dumps([known.plant, known.params, dataclasses.asdict(known.truth)], sort_keys=True).encode())
    return digest.hexdigest()


def finished(known: Known, work: Path = WORK) -> Outcome | None:
    """The outcome of a scenario that this code has finished; None where there is none, or it failed."""
    try:
        found = records.parse(Outcome, (work / known.name / OUTCOME).read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.code == code(known) and not found.failed else None


def kept(everything: Sequence[Known], work: Path = WORK, in_git: Path = IN_GIT) -> dict[str, Outcome]:
    """The outcomes by scenario: those that this code has finished, of the others those in Git, perhaps of other code.

    Raises SuiteError where the file in Git cannot be read.
    """
    told = records.read(list[Outcome], in_git, "`git checkout` it")
    found = {outcome.name: outcome for outcome in told}
    mine = {known.name: outcome for known in everything if (outcome := finished(known, work))}
    return {known.name: (found | mine)[known.name] for known in everything if known.name in found | mine}


def keep(outcomes: Sequence[Outcome], in_git: Path = IN_GIT) -> None:
    """Write the outcomes into the file in Git, without those that failed."""
    write_whole(in_git, records.text([each for each in outcomes if not each.failed], indent=1))


def run(known: Known, work: Path = WORK) -> Outcome:
    """Run a scenario, or read its outcome. Where it fails the outcome says why, and its log has the details."""
    if found := finished(known, work):
        return found
    began, folder, made_by = time.monotonic(), work / known.name, code(known)
    project.lay_out(known.project(project.shipped_params()), folder, work / "store")
    with (
        (folder / "log.txt").open("w", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        found = _diagnosed(known, folder)
    shutil.rmtree(folder / paths.RUNS, ignore_errors=True)  # the store has all of it
    outcome = dataclasses.replace(found, seconds=round(time.monotonic() - began, 1), code=made_by)
    write_whole(folder / OUTCOME, records.text(outcome, indent=1))
    return outcome


def _diagnosed(known: Known, folder: Path) -> Outcome:
    laid = known.project(project.shipped_params())
    try:
        with project.inside(folder):
            backend = trial.open_here(suite.load())
            verdict, rounds = trial.diagnosed(laid, backend)  # its rounds of arms are the trials' own
            params = suite.load()
            named = tuple(_named(each, known, verdict, params, backend) for each in verdict["answer"])
            said = headline.headline(inputs.read())
    except Exception as error:
        traceback.print_exc()
        why = str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}"
        return Outcome(known.name, (), {}, "", math.nan, 0, (), 0, 0.0, why, "")
    return Outcome(
        name=known.name,
        named=named,
        words={entry["cause"]: entry["verdict"] for entry in verdict["causes"]},
        headline=said,
        score=verdict["score"],
        rounds=rounds,
        left_out=tuple(name for name in laid.params["variants"] if name not in params.variants),
        trained=len(params.cells) * len(params.split.blocks) * params.split.block_size,
        seconds=0.0,
        failed="",
        code="",
    )


def _named(answer: Plain, known: Known, verdict: Plain, params: Suite, backend: Backend) -> Named:
    cause = answer["cause"]
    mean, low, high = (math.nan if answer[key] is None else float(answer[key]) for key in ("mean", "low", "high"))
    true = cause in {*known.truth.first, *known.truth.also}
    return Named(cause, mean, low, high, None if true else confirmed(cause, verdict, params, backend))


def confirmed(cause: str, verdict: Plain, params: Suite, backend: Backend) -> Effect | None:
    """What the cause's best arm gains on fresh replicates, which the diagnosis never saw; None where it has none."""
    pair = arms_of(cause, verdict, params)
    return None if pair is None else trial.confirmed(*pair, verdict["metric"], params, backend)


def arms_of(cause: str, verdict: Plain, params: Suite) -> tuple[str, str] | None:
    """(the arm that removes a cause, what it is compared with); of images more against fewer."""
    if cause == "data":
        by_images = sorted(verdict["data"]["sizes"].items(), key=lambda each: each[1])[:2]  # the step that is priced
        return by_images[1][0], by_images[0][0]
    entry: Plain = next((entry for entry in verdict["causes"] if entry["cause"] == cause), {})
    arm, against = entry.get("arm"), entry.get("against", BASELINE)
    return (arm, against) if arm in params.variants and against in params.variants else None


def run_all(scenarios: Sequence[Known], jobs: int, work: Path = WORK) -> Iterator[Outcome]:
    """Yield the outcomes as scenarios finish. Raises SuiteError where a process is killed, and says how to resume."""
    threads = ThreadPoolExecutor(jobs)
    try:
        with main_hidden():
            for future in as_completed([threads.submit(_apart, known, work) for known in scenarios]):
                yield future.result()
    except BrokenProcessPool:
        raise SuiteError(f"a process was killed, perhaps for want of memory; {RESUME}, perhaps with --jobs 1") from None
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():  # none is there unless something failed
            process.kill()


def _apart(known: Known, work: Path) -> Outcome:
    """Run a scenario in a process of its own, as each leaves all its traced networks behind."""
    with own_process() as pool:
        return pool.submit(run, known, work).result()

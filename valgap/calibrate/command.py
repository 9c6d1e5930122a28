"""`valgap calibrate`: plant faults, let the suite diagnose them, and write how often it was right.

Reads params.yaml, data/embedded and what is finished below calibration/work; writes calibration/work, and, when all
trials are there, reports/calibration.md and valgap/report/calibration.json. With --findings it measures the findings
instead, and writes docs/findings/rates.md and valgap/findings/rates.json.
"""

import fnmatch
from pathlib import Path

import click

from valgap.calibrate import document, running, score, trial
from valgap.calibrate.findings import studies, table
from valgap.calibrate.scenarios import SAMPLE, Scenario, all_scenarios, sampled
from valgap.cli import options
from valgap.cli.workspace import InWorkspace
from valgap.document import markdown
from valgap.document.markdown import Style
from valgap.findings import rates
from valgap.ground import host, paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_whole
from valgap.results.calibration import write_calibration


def chosen(only: tuple[str, ...], half: str | None) -> list[Scenario]:
    """The scenarios that the options choose. Raises SuiteError where they choose none."""
    everything = list(all_scenarios().values())
    found = [
        scenario
        for scenario in everything
        if (half is None or scenario.half == half) and (not only or any(_fits(scenario, word) for word in only))
    ]
    if not found:
        kinds = sorted({scenario.kind for scenario in everything} | {scenario.setting for scenario in everything})
        why = "it names no trial: give a name or a pattern of names, as --table lists them, a kind or a setting"
        raise SuiteError(key="--only", value=" ".join(only), why=why, cure=f"kinds and settings: {', '.join(kinds)}")
    return found


def _fits(scenario: Scenario, word: str) -> bool:
    """Whether a word is the scenario's kind, its setting, one of its faults, a pattern of its name, or SAMPLE."""
    faults = [name for name, _ in scenario.planted]
    if word == SAMPLE:
        return scenario in sampled()
    return word in (scenario.kind, scenario.setting, *faults) or fnmatch.fnmatchcase(scenario.name, word)


@click.command(cls=InWorkspace, epilog="Example: valgap calibrate --only rate_low --jobs 2")
@click.option("--only", multiple=True, metavar="TRIALS", help="A name or pattern, a fault, setting or kind; or sample.")
@click.option("--half", type=click.Choice(["rules", "judged"]), help="The trials that rules may see, or the others.")
@options.jobs
@click.option("--findings", is_flag=True, help="Measure the findings on images instead: --only names studies.")
@click.option(
    "--photos", type=click.Path(path_type=Path, exists=True), metavar="PHOTOS", help="A folder to plant faults in."
)
@click.option("--table", "listed", is_flag=True, help="List the trials, and which are finished; run none.")
def command(
    only: tuple[str, ...], half: str | None, jobs: int | None, findings: bool, photos: Path | None, listed: bool
) -> int:
    """Plant faults, let the suite diagnose them, and write how often it was right to reports/calibration.md.

    With --only or --half the rates of these trials are shown, and no report is written. Without --jobs a trial runs on
    each core. What is killed resumes where it was. Ends with 1 where the suite refused to train a trial.
    """
    if findings:
        return measure(only, photos)
    if photos is not None:
        raise SuiteError(
            key="--photos", value=str(photos), why="trials have images of their own", cure="add --findings"
        )
    scenarios, made_by = chosen(only, half), trial.code()
    there = {scenario.name for scenario in scenarios if trial.known(scenario, made_by)}
    if listed:
        print("\n".join(_line(scenario, scenario.name in there) for scenario in scenarios))
        print(f"{len(there)} of {len(scenarios)} trials are finished")
        return 0
    print(f"{len(scenarios)} trials, {len(there)} of them finished", flush=True)
    meter, found = running.Meter(len(scenarios)), []
    for finished in running.run_all(scenarios, made_by, jobs or host.usable_cores()):
        found.append(finished)
        meter.advance(finished, finished.name not in there)
    place = {scenario.name: number for number, scenario in enumerate(scenarios)}
    record = score.calibration(sorted(found, key=lambda one: place[one.name]), made_by)
    if only or half:
        print(markdown.write(document.build(record), Style(heading=2)), end="")
    else:
        write_calibration(record)
        write_whole(paths.CALIBRATION_TEXT, markdown.write(document.build(record)))
        print(document.summary(record))
    return int(bool(record.failed))


def measure(only: tuple[str, ...], photos: Path | None) -> int:
    """Run the studies of findings; write their rates where all were run, else show them."""
    found = studies.measure(only, photos)
    text = markdown.write(table.build(found))
    if only:
        print(text, end="")
    else:
        rates.write(found)
        write_whole(paths.RATES_TEXT, text)
        print(f"{len(found.rows)} rates are in {paths.RATES_TEXT}")
    return 0


def _line(scenario: Scenario, finished: bool) -> str:
    return f"{'done' if finished else 'open'}  {scenario.half:<6}  {scenario.kind:<7}  {scenario.name}"

"""`python -m tests.scenarios`: run the scenarios of known truth, ask the diagnosis, and say how it did.

`[--only NAME ...] [--jobs 2] [--table docs/scenarios.md]`. Names may be patterns. Finished replicates and outcomes are
kept below .scenarios: what is killed resumes. --table writes the results of all finished scenarios into a page and into
outcomes.json, which is in Git; what only that has may be of earlier code, and the page says so. Ends with 1 where a
scenario is neither right nor honestly open.
"""

import argparse
import fnmatch
import sys
from pathlib import Path

from tests.scenarios import run
from tests.scenarios.known import Known, all_known
from tests.scenarios.table import failures, into_page, line, totals
from valgap.ground.errors import SuiteError


def chosen(patterns: list[str]) -> list[Known]:
    """The scenarios that any of the patterns fits, all without one. Raises SuiteError where one fits none."""
    everything = all_known()
    for pattern in patterns:
        if not fnmatch.filter(everything, pattern):
            raise SuiteError(
                key="--only", value=pattern, why="it names no scenario", cure=f"there are {', '.join(everything)}"
            )
    return [
        known
        for name, known in everything.items()
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


def main() -> None:
    """Parse the command line, run, print, and end with the status."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args()
    try:
        scenarios = chosen(asked.only)
        outcomes = {}
        for outcome in run.run_all(scenarios, asked.jobs):
            outcomes[outcome.name] = outcome
            print(line(all_known()[outcome.name], outcome), flush=True)
    except SuiteError as error:
        sys.exit(str(error))
    print(totals(scenarios, outcomes))
    if asked.table:
        everything = list(all_known().values())
        told = run.kept(everything) | outcomes
        run.keep([told[known.name] for known in everything if known.name in told])
        asked.table.write_text(into_page(asked.table.read_text(), everything, told))
    wrong = failures(scenarios, outcomes)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

"""`python -m tests.cases`: build the cases, ask `check` about each, and say how it did.

`[--half even|odd] [--only NAME ...] [--cache FOLDER] [--jobs 2] [--build] [--table docs/findings/README.md]`. Models
and folders are built once below --cache, in a folder of the sources that build them. --build stops before the check.
--table writes the results into a page. Ends with 1 when fewer than 80% of the faults are named first, when anything
misleads, or when a healthy program is called a problem.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.cases.run import build_all, run_all
from tests.cases.table import failures, into_page, text_of


def main() -> None:
    """Parse the command line, run, print, and end with the status."""
    parser = argparse.ArgumentParser(prog="python -m tests.cases")
    parser.add_argument("--half", choices=("even", "odd"))
    parser.add_argument("--only", nargs="+", default=())
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "valgap-cases")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args()
    if asked.build:
        sys.exit(not build_all(asked.cache, asked.half, asked.only, asked.jobs))
    judged = run_all(asked.cache, asked.half, asked.only, asked.jobs)
    print(text_of(judged))
    if asked.table:
        asked.table.write_text(into_page(asked.table.read_text(), judged))
    wrong = failures(judged)
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

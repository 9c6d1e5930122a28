"""`make review BASE=<rev>`: what this workspace does to the results of a base revision, as Markdown on standard output.

Reads reports/ and params.yaml of both sides, the base's through Git, and what `stages.reviewing.freshness`
reads; imports no TensorFlow, needs no data, no GPU and no DVC remote. Ends with 0, with 1 where
`review.fail_on` says so, with 2 on a usage error. `--fresh` only checks freshness: 1 where something is stale.
"""

import argparse
import sys
from pathlib import Path

from stages.errors import SuiteError
from stages.params import suite
from stages.reviewing import base, freshness, sections
from stages.reviewing.document import Document


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line. Ends the process with 2 on anything else, with 0 on --help."""
    parser = argparse.ArgumentParser(prog="python -m stages.review", allow_abbrev=False, description=__doc__)
    parser.add_argument("base", nargs="?", help="base revision; origin/main, else main, where none is named")
    parser.add_argument(
        "--confirm", type=int, default=0, metavar="N", help="train what improved on the N-th fresh block"
    )
    parser.add_argument("--out", type=Path, help="folder for review.md, review-full.md (uncut), forest.svg, forest.png")
    parser.add_argument("--link", help="address of the artifact that holds --out's folder, to link to")
    parser.add_argument("--fresh", action="store_true", help="only say what is stale")
    return parser.parse_args(words)


def main(given: list[str]) -> int:
    """Print the review, or what is stale; the exit status."""
    options = arguments(given)
    findings = freshness.check()
    if options.fresh:
        print(sections.freshness(findings, None))
        return int(bool(findings))
    review = Document(suite.load(), *base.resolve(options.base), findings)
    if options.confirm:
        review.confirm(options.confirm)
    if options.out:
        review.save(options.out)
    print(review.markdown(options.link), end="")
    return int(bool(review.reasons))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SuiteError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

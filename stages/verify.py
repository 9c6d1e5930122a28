"""`make verify`: train chosen variants again in a scratch copy, from nothing, and compare with what reports/ claim.

Reads params.yaml and reports/ of the workspace or of a revision; nothing that was trained before is used, and the
workspace stays as it is. Ends with 0 where every variant is bit-identical or equal within tolerance, 1 where one is
different, 2 on a usage error.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from stages.data.arrays import read_npz
from stages.errors import SuiteError
from stages.params import suite
from stages.params.suite import BASELINE
from stages.paths import runs, sources
from stages.reviewing import base, fresh_block, freshness
from stages.reviewing.base import NotComparableError, Side
from stages.reviewing.judge import MEASURES
from stages.stats import tables
from stages.verifying import compare


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line. Ends the process with 2 on anything else, with 0 on --help."""
    parser = argparse.ArgumentParser(prog="python -m stages.verify", allow_abbrev=False, description=__doc__)
    parser.add_argument("variants", nargs="*", help=f"the {BASELINE} alone where none is named; all: every trained one")
    parser.add_argument("--block", type=int, help="block of replicates; the first that was claimed where none is named")
    parser.add_argument("--revision", help="verify the reports of a commit, with its own code; else the workspace's")
    return parser.parse_args(words)


def cells(claims: Side, variants: list[str], block: int | None) -> tuple[list[str], int]:
    """(variants, block) to train. Raises SuiteError on one that reports/ do not claim."""
    wanted = list(claims.variants) if variants == ["all"] else variants or [BASELINE]
    if missing := [name for name in wanted if name not in claims.variants]:
        raise SuiteError(f"no results of {', '.join(missing)} are claimed (trained: {', '.join(claims.variants)})")
    claimed = [sorted(map(int, claims.variants[name]["predictions_md5"])) for name in wanted]
    shared = sorted(set(claimed[0]).intersection(*claimed))
    chosen = shared[0] if block is None and shared else block
    if chosen not in shared:
        raise SuiteError(f"BLOCK = {block} is not claimed for all of {', '.join(wanted)} (shared blocks: {shared})")
    return wanted, chosen


def retrain(folder: Path, variants: list[str], block: int) -> None:
    """Train the variants' cells in a scratch copy with an empty store. Raises SuiteError when that fails."""
    path = folder / runs.PARAMS
    params = fresh_block.only(yaml.safe_load(path.read_text(encoding="utf-8")), variants, block)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (folder / "dvc.lock").unlink(missing_ok=True)
    if sources.DOWNLOADS.is_dir():  # images, which are checked by their sha256
        (folder / sources.DOWNLOADS).symlink_to(sources.DOWNLOADS.resolve())
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in (["git", "init", "-q"], ["dvc", "repro", *(f"train@{name}-{block}" for name in variants)]):
        if subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr).returncode:
            raise SuiteError(f"`{' '.join(command)}` failed in the scratch copy; what it said is above")


def outcomes(folder: Path, claims: Side, variants: list[str], block: int, params: suite.Suite) -> list[compare.Outcome]:
    """Compare what was trained in the scratch copy with the claims, by the primary metric of the review."""
    measure, judged = MEASURES[params.review.primary], []
    for name in variants:
        path = folder / runs.run_folder(name, block) / runs.PREDICTIONS
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        found = compare.scores(tables.score({name: read_npz(path)}, []), name, measure)
        claimed = compare.scores(claims.results, name, measure)
        if not set(found) <= set(claimed):
            raise SuiteError(f"results.csv lacks replicates of {name}: {sorted(set(found) - set(claimed))}")
        identical = digest == claims.variants[name]["predictions_md5"][str(block)]
        judged.append(compare.outcome(name, claimed, found, identical, params.review.margin))
    return judged


def here(folder: Path, variants: list[str], block: int) -> list[dict[str, str]]:
    """The distinct environments in which the scratch copy trained."""
    found: list[dict[str, str]] = []
    for name in variants:
        run: dict[str, Any] = json.loads((folder / runs.run_folder(name, block) / runs.RUN).read_text(encoding="utf-8"))
        found += [environment for environment in run["environments"] if environment not in found]
    return found


def main(given: list[str]) -> int:
    """Train, print the comparison; the exit status."""
    options = arguments(given)
    name, commit = "the workspace", ""
    read: base.Reader = base.of_workspace
    if options.revision is None:
        for finding in freshness.check():
            print(f"note: {finding.what}: reports/ may not belong to this code", file=sys.stderr)
    else:
        name, commit = base.resolve(options.revision)
        read = base.of_revision(commit)
    try:
        claims = base.read_side(read, name)
    except NotComparableError as error:
        raise SuiteError(f"{error}: nothing to verify") from None
    variants, block = cells(claims, options.variants, options.block)
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        folder = Path(scratch)
        if options.revision is None:
            fresh_block.copy_workspace(folder)
        else:
            base.unpack(commit, folder)
        params = suite.load(folder / runs.PARAMS)
        retrain(folder, variants, block)
        judged = outcomes(folder, claims, variants, block, params)
        if json.loads((folder / runs.MANIFEST).read_text(encoding="utf-8")) != claims.provenance["data"]:
            print("note: data/prepared/manifest.json differs from the claimed one: other images", file=sys.stderr)
        claimed = [e for name in variants for e in claims.variants[name]["environments"]]
        measure = MEASURES[params.review.primary]
        print(compare.document(judged, measure, params.review.margin, claimed, here(folder, variants, block)), end="")
    return int(any(row.word == "different" for row in judged))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SuiteError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

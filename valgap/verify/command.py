"""`valgap verify`: train chosen variants again in a scratch copy, from nothing, and compare with what reports/ claim.

Reads params.yaml and reports/ of the workspace or of a revision; nothing that was trained before is used, no run cache
and no remote, and the workspace stays as it is. Ends with 0 where every variant is bit-identical or equal within
tolerance, 1 where one is different, 2 on a usage error.
"""

import hashlib
import secrets
import sys
import tempfile
from pathlib import Path

import click

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.data.prepared import read_manifest
from valgap.document import markdown
from valgap.document.markdown import Style
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import read_npz
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE
from valgap.ground.terminal import safe
from valgap.pipeline import freshness
from valgap.pipeline.git import of_revision, resolve
from valgap.pipeline.scratch import copy_revision, copy_workspace, retrain
from valgap.results import scores, sides
from valgap.results.record import read_run
from valgap.results.sides import NotComparableError, Side
from valgap.stats.measures import primary_measure, series
from valgap.verify import compare, document


def cells(claims: Side, variants: list[str], block: int | None) -> tuple[list[str], int]:
    """(variants, block) to train. Raises SuiteError on one that reports/ do not claim.

    `random` is one of all claimed cells, or of those of `block`, drawn so that nobody can know it beforehand.
    """
    if variants == ["random"] and "random" not in claims.variants:
        return drawn(claims, block)
    wanted = list(claims.variants) if variants == ["all"] else variants or [BASELINE]
    if missing := [name for name in wanted if name not in claims.variants]:
        raise SuiteError(f"no results of {', '.join(missing)} are claimed (trained: {', '.join(claims.variants)})")
    claimed = [sorted(map(int, claims.variants[name].predictions_md5)) for name in wanted]
    shared = sorted(set(claimed[0]).intersection(*claimed))
    chosen = shared[0] if block is None and shared else block
    if chosen not in shared:
        raise SuiteError(f"BLOCK = {block} is not claimed for all of {', '.join(wanted)} (shared blocks: {shared})")
    return wanted, chosen


def every_cell(claims: Side) -> list[tuple[str, int]]:
    """(variant, block) of all that reports/ claim."""
    return [(name, int(block)) for name, entry in claims.variants.items() for block in entry.predictions_md5]


def drawn(claims: Side, block: int | None) -> tuple[list[str], int]:
    """One claimed cell at random. Raises SuiteError where none is claimed of the block."""
    found = [cell for cell in every_cell(claims) if block in (None, cell[1])]
    if not found:
        raise SuiteError(f"BLOCK = {block} is not claimed (blocks: {sorted({cell[1] for cell in every_cell(claims)})})")
    name, number = secrets.choice(found)
    print(f"drawn: block {number} of {name}", file=sys.stderr, flush=True)
    return [name], number


def outcomes(folder: Path, claims: Side, variants: list[str], block: int, params: suite.Suite) -> list[compare.Outcome]:
    """Compare what was trained in the scratch copy with the claims, by the primary metric of the review."""
    primary, claimed_scores, judged = params.review.primary, series(claims.results), []
    for name in variants:
        path = folder / paths.run_folder(name, block) / paths.PREDICTIONS
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        found = series(scores.score({name: read_npz(path)}))[name][primary]
        claimed = claimed_scores[name][primary] if name in claimed_scores else {}
        if not set(found) <= set(claimed):
            raise SuiteError(f"results.csv lacks replicates of {name}: {sorted(set(found) - set(claimed))}")
        identical = digest == claims.variants[name].predictions_md5[str(block)]
        judged.append(compare.outcome(name, claimed, found, identical, params.review.margin))
    return judged


def here(folder: Path, variants: list[str], block: int) -> list[dict[str, str]]:
    """The distinct environments in which the scratch copy trained."""
    found: list[dict[str, str]] = []
    for name in variants:
        run = read_run(folder / paths.run_folder(name, block))
        found += [environment for environment in run.environments if environment not in found]
    return found


@click.command(cls=InPipeline, epilog="Example: valgap verify --variant dropout --variant l2")
@click.option("--variant", "variants", multiple=True, metavar="NAME", help="One to train; `all`, or one at `random`.")
@click.option("--block", type=int, metavar="N", help="Block of replicates; by default the first that was claimed.")
@options.base
def command(variants: tuple[str, ...], block: int | None, base: str | None) -> int:
    """Train variants (the baseline alone where none is named) again from nothing and compare with what is claimed.

    With --base the reports of that revision are verified, by its own code. Ends with 1 where one is different.
    """
    name, commit = "the workspace", ""
    read: sides.Reader = sides.of_workspace
    if base is None:
        for finding in freshness.check():
            print(safe(f"note: {finding.what}: reports/ may not belong to this code"), file=sys.stderr)
    else:
        name, commit = resolve(base)
        read = of_revision(commit)
    try:
        claims = sides.read_side(read, name)
    except NotComparableError as error:
        raise SuiteError(f"{error}: nothing to verify") from None
    wanted, number = cells(claims, " ".join(variants).split(), block)
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        folder = Path(scratch)
        if base is None:
            copy_workspace(folder)
        else:
            copy_revision(commit, folder)
        params = suite.load(folder / paths.PARAMS)
        measure = primary_measure(params.review)
        retrain(folder, wanted, number)
        judged = outcomes(folder, claims, wanted, number, params)
        if read_manifest(folder / paths.MANIFEST) != claims.provenance.data:
            print("note: data/prepared/manifest.json differs from the claimed one: other images", file=sys.stderr)
        claimed = [e for name in wanted for e in claims.variants[name].environments]
        made_in = here(folder, wanted, number)
        bound, count = params.review.margin, len(every_cell(claims))
        found = document.build(name, judged, measure, bound, claimed, made_in, count)
        print(markdown.write(found, Style(heading=2)), end="")
    return int(any(row.word == "different" for row in judged))

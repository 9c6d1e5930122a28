"""`valgap more`: more replicates of one variant and of what it is compared with, or the arms that the report asks for.

With a variant it adds single cells to `extra` in params.yaml, then becomes `valgap repro`. With `--follow-up` it adds
what reports/verdict.json asks for to `variants`, and says what training takes. params.yaml keeps its comments and
layout. With `--dry` it only says what it would add.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import yaml

from valgap.cli import options
from valgap.cli.workspace import InPipeline
from valgap.costs import timings
from valgap.costs.budget import check_budget
from valgap.data.prepared import load_suite
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params.schema import on_one_line
from valgap.ground.params.suite import BASELINE, Suite
from valgap.pipeline import workspace
from valgap.results.verdict import read_verdict
from valgap.stats.verdict import FollowUp

Added = list[tuple[str, int]]
WHAT = {"together": "together", "more steps": "with more steps", "wider": "at twice its width"}  # of a follow-up arm


def check_arm(params: Suite, variant: str) -> None:
    """Raise SuiteError unless the variant can have more blocks."""
    declared = [name for name in params.variants if name not in params.exploratory and name != BASELINE]
    if variant == BASELINE:
        raise SuiteError(
            f"ARM = {BASELINE} gets its replicates with the variant that is compared with it: "
            f"name one of {', '.join(declared)}"
        )
    if variant in params.exploratory:
        raise SuiteError(f"ARM = {variant} is under exploratory in params.yaml: move it to variants first")
    if variant not in declared:
        raise SuiteError(f"ARM = {variant!r} is not under variants in params.yaml (declared: {', '.join(declared)})")


def new_cells(params: Suite, variant: str, blocks: int) -> Added:
    """(variant, block) of the cells to add, so that the variant gets `blocks` more blocks, all of them paired.

    First come blocks that the baseline has beyond split.blocks and the variant lacks, then new ones. Raises
    SuiteError as `check_arm` does, also for the arm that injects the cause which the variant remedies.
    """
    check_arm(params, variant)
    lacking = [block for block in params.cells[BASELINE] if block not in params.cells[variant]]
    following = max(params.blocks) + 1
    chosen = [*sorted(lacking), *range(following, following + blocks)][:blocks]
    arms = [BASELINE]
    cause = params.causes.get(params.cause_of(variant) or "")
    if cause and cause.kind(variant) == "remedies":
        check_arm(params, cause.injects[0])
        arms.append(cause.injects[0])
    return [(arm, block) for block in chosen for arm in (*arms, variant) if block not in params.cells[arm]]


def with_cells(text: str, cells: Added, looks: dict[str, int]) -> str:
    """The text of params.yaml with the cells added under `extra`, one line each; nothing else changes.

    `looks` says how many times blocks were added to a variant before: this is the next time.
    """
    lines = [f"{name}_{block}: {{variant: {name}, block: {block}, look: {looks[name] + 1}}}" for name, block in cells]
    return _with_lines(text, "extra", lines)


def with_variants(text: str, arms: Sequence[FollowUp]) -> str:
    """The text of params.yaml with the arms added under `variants`, one line each; nothing else changes."""
    return _with_lines(text, "variants", [f"{arm.variant}: {on_one_line(arm.diff)}" for arm in arms])


def _with_lines(text: str, block: str, lines: list[str]) -> str:
    """The text of params.yaml with these lines behind the entries of a block."""
    top = yaml.compose(text)
    assert isinstance(top, yaml.MappingNode)  # it was loaded before
    (found,) = (value for key, value in top.value if key.value == block)
    newline = "\r\n" if "\r\n" in text else "\n"
    start, end, indent = found.start_mark.index, _end(found), "  "
    if found.flow_style:  # from `{...}` to a line an entry; a comment behind it stays in its column
        lines = [f"{key.value}: {text[value.start_mark.index : _end(value)]}" for key, value in found.value] + lines
        head, tail = text[:start].rstrip(" "), text[end:]
        pad = " " * (end - len(head)) if tail.lstrip(" ").startswith("#") and "\n" not in text[start:end] else ""
        text, at = head + pad + tail, len(head)
    else:
        indent, at = " " * found.start_mark.column, end
    line_end = text.find("\n", at) + 1
    if not line_end:  # the last line is not ended
        text, line_end = text + newline, len(text) + len(newline)
    return text[:line_end] + "".join(f"{indent}{line}{newline}" for line in lines) + text[line_end:]


def _end(node: yaml.Node) -> int:
    """Where a node's text ends. The parser ends a block mapping only at the next key, behind any comments."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _end(node.value[-1][1])
    return int(node.end_mark.index)


def said(params: Suite, cells: Added, seconds: float) -> list[str]:
    """What is added: runs, replicates, about how many minutes."""
    size = params.split.block_size
    lines = [f"extra: {name}_{block}, replicates {_span(params.split.replicates(block))}" for name, block in cells]
    return [*lines, f"{len(cells)} cells, {len(cells) * size} runs, about {seconds / 60:.1f} minutes"]


def _span(numbers: range) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def add(params: Suite, cells: Added, dry: bool, budget: str) -> None:
    """Say what the cells cost, and write params.yaml with them unless `dry` or the budget forbids it."""
    with _edited(lambda text: with_cells(text, cells, params.looks)) as (partial, extended):
        costs = timings.costs(params)
        print("\n".join(said(params, cells, sum(costs.of_cell[name] for name, _ in cells))), flush=True)
        if not dry:
            check_budget(extended, budget)
            partial.replace(paths.PARAMS)


@contextlib.contextmanager
def _edited(edit: Callable[[str], str]) -> Iterator[tuple[Path, Suite]]:
    """params.yaml with its text edited, in a file beside it, and what it says; the file is gone afterwards."""
    partial = paths.PARAMS.with_name(f"{paths.PARAMS.name}.partial")
    try:
        partial.write_bytes(edit(paths.PARAMS.read_bytes().decode("utf-8")).encode("utf-8"))
        shutil.copymode(paths.PARAMS, partial)
        yield partial, load_suite(partial)
    finally:
        partial.unlink(missing_ok=True)


def missing(params: Suite, wanted: Sequence[FollowUp]) -> list[FollowUp]:
    """Those of the arms that are not under variants yet.

    Raises SuiteError where one is under exploratory, and where its name is that of a variant with another diff.
    """
    found = []
    for arm in wanted:
        same = [name for name, diff in params.diffs.items() if diff == arm.diff]
        if same and same[0] in params.exploratory:
            raise SuiteError(f"{same[0]} is under exploratory in params.yaml: move it to variants, then `valgap repro`")
        if not same and arm.variant in params.diffs:
            raise SuiteError(
                f"params.yaml: variants.{arm.variant} is another variant than {paths.VERDICT} asks for: "
                "`valgap repro` brings the verdict up to date"
            )
        if not same:
            found.append(arm)
    return found


def follow_up(params: Suite, dry: bool) -> None:
    """Add the arms that the verdict asks for to params.yaml, unless `dry`; say what they are and what they take."""
    arms = missing(params, read_verdict().follow_up)
    if not arms:
        print("nothing to add: all that the verdict asks for is declared; `valgap repro` trains what is left")
        return
    with _edited(lambda text: with_variants(text, arms)) as (partial, extended):
        print("\n".join(said_of_arms(params, extended, arms, timings.costs(params).of_cell)), flush=True)
        if not dry:
            partial.replace(paths.PARAMS)
            print("next: `valgap repro` trains them and judges anew; the report says whether more is to be done")


def said_of_arms(params: Suite, extended: Suite, arms: Sequence[FollowUp], of_cell: Mapping[str, float]) -> list[str]:
    """What each arm is, and runs and minutes of all: as long as the slowest arm that it is made of, by their steps."""
    lines, cells, seconds = [], 0, 0.0
    for arm in arms:
        made, what = " and ".join(arm.of), WHAT[arm.why]
        lines.append(f"variants: {arm.variant}, {made} {what}: {on_one_line(arm.diff)}")
        blocks, steps = len(extended.cells[arm.variant]), extended.variants[arm.variant].steps
        known = [name for name in arm.of if name in of_cell] or [BASELINE]
        seconds += blocks * max(of_cell[name] * steps / params.variants[name].steps for name in known)
        cells += blocks
    runs = cells * params.split.block_size
    return [*lines, f"{len(arms)} variants, {cells} cells, {runs} runs, about {seconds / 60:.1f} minutes"]


@click.command(cls=InPipeline, epilog="Example: valgap more --variant dropout --blocks 2")
@click.option("--variant", metavar="NAME", help="A variant of params.yaml.")
@click.option("--blocks", type=click.IntRange(1, 100), default=1, metavar="N", help="Blocks of replicates to add.")
@click.option("--follow-up", "follows", is_flag=True, help="Add the arms that the report asks for, and train nothing.")
@options.budget
@click.option("--dry", is_flag=True, help="Only print.")
def command(variant: str | None, blocks: int, follows: bool, budget: str | None, dry: bool) -> None:
    """Train a variant, and what it is compared with, on fresh replicates; or add the arms that the report asks for."""
    if bool(variant) is follows:
        raise click.UsageError("give one of --variant NAME and --follow-up")
    params = load_suite()
    if not variant:
        with workspace.locked():
            follow_up(params, dry)
        return
    cells = new_cells(params, variant, blocks)
    with workspace.locked():
        add(params, cells, dry, budget or "")
    if not dry:  # this process becomes another, which takes the lock again
        words = ["repro", *(["--budget", budget] if budget else [])]
        os.execv(sys.executable, [sys.executable, "-m", "valgap", *words])

"""`make more VARIANT=<variant> [BLOCKS=1]`: more replicates of one variant, and of what it is compared with.

Adds single cells to `extra` in params.yaml, which keeps its comments and layout, then becomes `make repro`.
With `--dry` it only says what it would add.
"""

import os
import shutil
import sys

import click
import yaml

from valgap.cli import options
from valgap.cli.workspace import InWorkspace
from valgap.costs import timings
from valgap.costs.budget import check_budget
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.params import suite
from valgap.ground.params.suite import BASELINE, Suite
from valgap.pipeline import workspace

Added = list[tuple[str, int]]


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
    SuiteError as `check_arm` does, and when the variant's remedy is compared with an exploratory primary.
    """
    check_arm(params, variant)
    lacking = [block for block in params.cells[BASELINE] if block not in params.cells[variant]]
    following = max(params.blocks) + 1
    chosen = [*sorted(lacking), *range(following, following + blocks)][:blocks]
    arms = [BASELINE]
    cause = params.causes.get(params.cause_of(variant) or "")
    if cause and cause.primary and cause.kind(variant) == "remedies":
        check_arm(params, cause.primary)
        arms.append(cause.primary)
    return [(arm, block) for block in chosen for arm in (*arms, variant) if block not in params.cells[arm]]


def with_cells(text: str, cells: Added, looks: dict[str, int]) -> str:
    """The text of params.yaml with the cells added under `extra`, one line each; nothing else changes.

    `looks` says how many times blocks were added to a variant before: this is the next time.
    """
    top = yaml.compose(text)
    assert isinstance(top, yaml.MappingNode)  # it was loaded before
    (extra,) = (value for key, value in top.value if key.value == "extra")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [f"{name}_{block}: {{variant: {name}, block: {block}, look: {looks[name] + 1}}}" for name, block in cells]
    start, end, indent = extra.start_mark.index, _end(extra), "  "
    if extra.flow_style:  # from `{...}` to a line an entry; a comment behind it stays in its column
        lines = [f"{key.value}: {text[value.start_mark.index : _end(value)]}" for key, value in extra.value] + lines
        head, tail = text[:start].rstrip(" "), text[end:]
        pad = " " * (end - len(head)) if tail.lstrip(" ").startswith("#") and "\n" not in text[start:end] else ""
        text, at = head + pad + tail, len(head)
    else:
        indent, at = " " * extra.start_mark.column, end
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
    partial = paths.PARAMS.with_name(f"{paths.PARAMS.name}.partial")
    text = paths.PARAMS.read_bytes().decode("utf-8")
    try:
        partial.write_bytes(with_cells(text, cells, params.looks).encode("utf-8"))
        shutil.copymode(paths.PARAMS, partial)
        extended = suite.load(partial)
        costs = timings.costs(params)
        print("\n".join(said(params, cells, sum(costs.of_cell[name] for name, _ in cells))), flush=True)
        if not dry:
            check_budget(extended, budget)
            partial.replace(paths.PARAMS)
    finally:
        partial.unlink(missing_ok=True)


@click.command(cls=InWorkspace, epilog="Example: valgap more --variant dropout --blocks 2")
@options.variant
@click.option("--blocks", type=click.IntRange(1, 100), default=1, metavar="N", help="Blocks of replicates to add.")
@options.budget
@click.option("--dry", is_flag=True, help="Only print.")
def command(variant: str, blocks: int, budget: str | None, dry: bool) -> None:
    """Train a variant, and what it is compared with, on fresh replicates."""
    params = suite.load()
    cells = new_cells(params, variant, blocks)
    with workspace.locked():
        add(params, cells, dry, budget or "")
    if not dry:  # this process becomes another, which takes the lock again
        words = ["repro", *(["--budget", budget] if budget else [])]
        os.execv(sys.executable, [sys.executable, "-m", "valgap", *words])

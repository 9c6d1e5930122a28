"""What a set of cells costs and what it could detect. Pure functions on parameters and measured seconds."""

import dataclasses
import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from valgap.data.sizes import Sizes
from valgap.ground.errors import SuiteError
from valgap.ground.params.arms import Arms
from valgap.ground.params.causes import CAUSES
from valgap.ground.params.experiment import Train
from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats.intervals import Interval
from valgap.stats.verdicts import Contrast, minimum_detectable_effect
from valgap.training.subset import SCORED

ASSUMED_SD = 0.02  # of a paired difference in accuracy, where no report has measured it
UNITS = {"h": 3600, "m": 60, "min": 60}  # seconds
Cells = Mapping[str, tuple[int, ...]]  # blocks by variant


@dataclasses.dataclass(frozen=True)
class Timings:
    """Seconds that the baseline takes with as many processes at once as a run uses.

    `step` an optimizer step of its batch, `image` a scored image, `run` a replicate besides these, `cell` a cell
    besides its replicates: its stage and tracing. Processes start once a run, which is left out. A frozen part takes
    `once` for an image where its outputs are kept for all replicates, `anew` where its weights, and so its outputs, are
    drawn for each; both are 0 elsewhere.
    """

    step: float
    image: float
    run: float
    cell: float
    once: float = 0.0
    anew: float = 0.0


def mean_of(measured: Sequence[Timings]) -> Timings:
    """The mean over processes that were timed at once."""
    names = [field.name for field in dataclasses.fields(Timings)]
    return Timings(**{name: statistics.fmean(getattr(each, name) for each in measured) for name in names})


@dataclasses.dataclass(frozen=True)
class Total:
    """Arms and runs of a set of cells, those left to train, seconds of all and of the left, and megabytes (1e6 B)."""

    arms: int
    runs: int
    left: int
    seconds: float
    seconds_left: float
    megabytes: float


def parse_budget(text: str) -> float:
    """Seconds of a duration such as 90m, 45min, 2h or 1.5h. Raises SuiteError on anything else and on 0."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(h|m|min)\s*", text)
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if seconds == 0:
        raise SuiteError(
            f"BUDGET = {text!r} is not a duration: write hours or minutes above 0, such as 2h, 1.5h, 90m or 45min"
        )
    return seconds


def predicted_images(settings: Train, sizes: Sizes) -> int:
    """Images whose predictions a run keeps: train, val, val under every policy, test."""
    policies = len(settings.evaluation_policies)
    return min(sizes.trained(settings), SCORED) + sizes.val * (1 + policies) + sizes.test


def scored_images(settings: Train, sizes: Sizes) -> int:
    """Images of a run's forward passes besides training: those kept, and every point of its learning curve."""
    point = min(settings.curve_train_images, sizes.trained(settings)) + sizes.val
    return predicted_images(settings, sizes) + settings.curve_points * point


def run_seconds(settings: Train, baseline: Train, sizes: Sizes, timings: Timings, flops_ratio: float) -> float:
    """Seconds of one replicate; `flops_ratio` is the network's forward operations over the baseline's.

    A step takes as long as its images: twice the baseline's batch, twice the time of the baseline's step.
    """
    step = timings.step * settings.batch_size / baseline.batch_size
    passes = settings.steps * step + scored_images(settings, sizes) * timings.image
    outputs = (sizes.trained(settings) + sizes.val + sizes.test) * timings.anew
    return (passes + outputs) * flops_ratio + timings.run


def once_seconds(sizes: Sizes, timings: Timings, workers: int) -> float:
    """Seconds until a frozen part's outputs are kept for all images that replicates draw; 0 where none are."""
    return (sizes.max_train + sizes.val + sizes.test) * timings.once / workers


def cell_seconds(run: float, replicates: int, workers: int, fixed: float) -> float:
    """Seconds that one of many cells takes of a run: its replicates, `run` seconds each, and `fixed` seconds.

    Cells run side by side, so that all `workers` are busy but at the end.
    """
    return (fixed + replicates * run) / workers


def cell_megabytes(settings: Train, sizes: Sizes, replicates: int, classes: int, parameters: int) -> float:
    """Megabytes of one cell in runs/: float32 probabilities, int64 labels, indices, groups; one replicate's weights."""
    scored = min(sizes.trained(settings), SCORED) + sizes.val + sizes.test
    replicate = predicted_images(settings, sizes) * classes * 4 + scored * 3 * 8
    return (replicates * replicate + parameters * 4) / 1e6


def everything(params: Suite) -> dict[str, tuple[int, ...]]:
    """The suite's cells and every exploratory variant on all of split.blocks."""
    return {**params.cells, **{name: params.split.blocks for name in params.exploratory}}


def default_set(params: Suite) -> dict[str, tuple[int, ...]]:
    """The variants on split.blocks and `extra`, without exploratory ones."""
    return {name: blocks for name, blocks in params.cells.items() if name not in params.exploratory}


def total(
    cells: Cells, done: set[tuple[str, int]], replicates: int, of_cell: Mapping[str, float], size: Mapping[str, float]
) -> Total:
    """Sum over cells of `replicates` runs each; `of_cell` seconds and `size` megabytes are by variant."""
    every = [(name, block) for name, blocks in cells.items() for block in blocks]
    left = [cell for cell in every if cell not in done]
    return Total(
        arms=len(cells),
        runs=len(every) * replicates,
        left=len(left) * replicates,
        seconds=sum(of_cell[name] for name, _ in every),
        seconds_left=sum(of_cell[name] for name, _ in left),
        megabytes=sum(size[name] for name, _ in every),
    )


def suspects(causes: Mapping[str, Arms]) -> list[str]:
    """The first arm of each judged cause that takes it out of the baseline, or its opposite where none does."""
    arms = [(*each.removes, *each.opposes) for name, each in causes.items() if not CAUSES[name].is_price]
    return [names[0] for names in arms if names]


def directions(causes: Mapping[str, Arms]) -> int:
    """Causes and opposites that are judged where their arms are trained: the family that intervals are adjusted for."""
    judged = [each for name, each in causes.items() if not CAUSES[name].is_price]
    return sum(bool(arms) for each in judged for arms in (each.removes, each.opposes))


def shared_replicates(params: Suite, variants: Iterable[str]) -> int:
    """Fewest replicates that one of the variants shares with the baseline; of the baseline itself for none."""
    kept = [params.cells[name] for name in variants if name in params.cells] or [params.cells[BASELINE]]
    return min(len(blocks) for blocks in kept) * params.split.block_size


def detectable(sd: float, replicates: int, confidence: float) -> float:
    """Smallest effect found with 80% power over paired replicates of that sd, in its unit; NaN for one replicate."""
    interval = Interval(replicates, 0.0, sd, math.nan, math.nan)
    error = sd / math.sqrt(replicates)
    return minimum_detectable_effect(Contrast(interval, confidence, error, replicates - 1, sd**2, 0.0, "", math.nan))


def paired_sd(rows: Iterable[Mapping[str, Any]]) -> tuple[float, str]:
    """Median `sd` over the causes' contrasts on accuracy of contrasts.csv's rows, and where it comes from."""
    found = [
        float(row["sd"])
        for row in rows
        if row.get("metric") == "accuracy" and row.get("role") == "cause" and row.get("sd")
    ]
    known = [sd for sd in found if math.isfinite(sd) and sd > 0]
    if not known:
        return ASSUMED_SD, "assumed, for no report has measured it"
    return statistics.median(known), "the median of the causes' contrasts in reports/contrasts.csv"

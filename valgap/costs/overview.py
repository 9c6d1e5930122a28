"""What a run costs and what it could show, as a plain table: `valgap plan` and `valgap init` end with it."""

import math

from valgap.costs import estimate, timings
from valgap.costs.estimate import Total, detectable
from valgap.ground import paths
from valgap.ground.params.suite import Suite
from valgap.results.tables import read_table
from valgap.stats.verdicts import adjusted_confidence

DEFAULT, EVERYTHING = "default set", "everything"
HEADER = ("", "arms", "runs", "to train", "minutes", "left", "disk MB", "detects")


def minutes(seconds: float) -> str:
    """Minutes, with a decimal under ten."""
    return f"{seconds / 60:.1f}" if seconds < 600 else f"{seconds / 60:,.0f}"


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of a plain table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def row(name: str, found: Total, effect: float) -> tuple[str, ...]:
    """One set's line of the table; `effect` is a fraction, NaN where nothing can be detected."""
    return (
        name,
        str(found.arms),
        str(found.runs),
        str(found.left),
        minutes(found.seconds),
        minutes(found.seconds_left),
        f"{found.megabytes:,.0f}",
        _pp(effect),
    )


def _pp(effect: float) -> str:
    return "none" if math.isnan(effect) else f"{100 * effect:.1f} pp"


def measured_sd() -> tuple[float, str]:
    """Paired standard deviation of a cause's contrast as a fraction of accuracy, and where it comes from."""
    if not paths.CONTRASTS.exists():
        return estimate.paired_sd([])
    return estimate.paired_sd(read_table(paths.CONTRASTS).to_dict("records"))


def overview(
    params: Suite,
    costs: timings.Costs,
    totals: dict[str, Total],
    pixels: int,
    measured: tuple[float, str] | None = None,
) -> list[str]:
    """The table over all sets and what its columns mean.

    `pixels` are bytes of all prepared images; `measured` is as `measured_sd` gives it, which is asked else.
    """
    sd, source = measured_sd() if measured is None else measured
    suspects, family = estimate.suspects(params.causes), estimate.directions(params.causes)
    replicates = estimate.shared_replicates(params, suspects)
    confidence = adjusted_confidence(max(1, family))
    effect = detectable(sd, replicates, confidence)
    seconds = costs.timings
    return [
        f"{costs.workers} processes on {costs.device}: {1000 * seconds.step:.1f} ms a step of the baseline, "
        f"{1000 * seconds.image:.2f} ms a scored image, {seconds.cell:.1f} s a cell "
        f"of {params.split.block_size} runs besides",
        f"{len(costs.measured)} of {len(costs.of_run)} variants are timed by their own finished runs, the others by "
        "steps, images and operations",
        "",
        *columns([HEADER, *(row(name, found, effect) for name, found in totals.items())]),
        "",
        "disk MB: in runs/; the store and DVC's cache take as much again each; the images take "
        f"{pixels / 1e6:,.0f} MB more, twice",
        f"detects: the smallest effect on accuracy that one of {family} judged causes finds with 80% power,",
        f"  over {replicates} replicates at {100 * confidence:.1f}% confidence; paired sd {100 * sd:.1f} pp, {source}",
    ]

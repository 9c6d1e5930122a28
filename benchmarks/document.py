"""The benchmark's report in Markdown."""

from collections.abc import Mapping, Sequence

from benchmarks import figures
from benchmarks.arena import Round
from benchmarks.contestants import PYTORCH, Contestant, Group
from benchmarks.figures import Spread, Target
from benchmarks.pipeline import ADDED, Costs

ABSENT = "not installed"
CURE = "`make bench TORCH=<path>` takes a Python interpreter, 3.10 or later, that has torch and numpy"


def shown(found: Spread, digits: int = 0) -> str:
    """`median (lowest–highest)`."""
    return f"{found.median:,.{digits}f} ({found.lowest:,.{digits}f}–{found.highest:,.{digits}f})"


def percent(found: Spread) -> str:
    """The same of a share."""
    return f"{100 * found.median:.0f}% ({100 * found.lowest:.0f}–{100 * found.highest:.0f})"


def table(
    rounds: Sequence[Round], every: Mapping[str, Contestant], groups: Mapping[str, Group], cores: int
) -> list[str]:
    """One line a contestant of `every`, those that did not take part among them."""
    lines = [
        "| contestant | processes x threads | images/s | of the roofline | against (b) |",
        "| --- | --- | --- | --- | --- |",
    ]
    roofline, stock = figures.roofline(rounds, cores), figures.of(rounds, "arrays")
    for name, one in every.items():
        if name not in rounds[0].images:
            lines.append(f"| {one.title} | {ABSENT} | | | |")
            continue
        rates, group = figures.of(rounds, name), groups[one.group]
        lines.append(
            f"| {one.title} | {group.processes} x {group.threads} | {shown(figures.spread(rates))} | "
            f"{percent(figures.ratios(rates, roofline))} | {shown(figures.ratios(rates, stock), 2)} |"
        )
    return lines


def ceiling(rounds: Sequence[Round], cores: int) -> str:
    """What the roofline is, in words."""
    rate = figures.spread([figures.core_rate(one) / 1e9 for one in rounds])
    libraries = "; ".join(
        f"{title} {shown(figures.spread([one.products[name] / 1e9 for one in rounds]))}"
        for name, title in (("numpy", "NumPy"), ("tensorflow", "TensorFlow"))
    )
    alone = [one.products["tensorflow"] * cores for one in rounds]
    together = figures.ratios([one.together for one in rounds], alone)
    return (
        f"The roofline is {shown(figures.spread(figures.roofline(rounds, cores)))} images/s: {cores} cores x "
        f"{shown(rate)} GFLOP/s / {figures.TRAINING / 1e6:.1f} MFLOP an image. The rate is that of a float32 "
        "2048 x 2048 matrix product on one core, the best of 8 in each round, by the faster library: "
        f"{libraries} GFLOP/s. All cores at once reach {percent(together)} of cores x TensorFlow's rate."
    )


def owed(targets: Sequence[Target]) -> list[str]:
    """One line a target."""
    lines = ["| this suite (d) over | owed | found | |", "| --- | --- | --- | --- |"]
    for target in targets:
        aim = f" (aim {target.aimed:g})" if target.aimed else ""
        found = shown(target.found, 2) if target.found else ABSENT
        lines.append(f"| {target.what} | at least {target.owed:g}{aim} | {found} | {figures.judged(target)} |")
    return lines


def besides(costs: Costs | None, memory: Mapping[str, float]) -> list[str]:
    """Costs beside training."""
    worker = ", ".join(
        f"{memory[kind]:,.0f} MB {words}"
        for kind, words in (("peak", "resident at its peak"), ("share", "when shared pages are divided (PSS)"))
        if kind in memory
    )
    lines = ["| cost | found |", "| --- | --- |", f"| memory of a worker of (d) | {worker or 'not known here'} |"]
    if costs is None:
        return [*lines, "| the pipeline | left out (`--no-pipeline`) |"]
    share, idle, readers, added = costs.share, costs.idle, costs.readers, costs.added
    shares = "of seconds x slots (training includes the learning curve and predictions)"
    rows = {
        "orchestration: all but training, of a full run": share
        if isinstance(share, str)
        else f"{100 * share:.1f}% {shares}",
        f"one more variant (`{ADDED}`, 1 toy replicate; n=1)": f"{added.wall:.1f} s, less {added.training:.1f} s of "
        f"training and scoring: {added.wall - added.training:.1f} s, of which an unchanged pipeline takes "
        f"{added.idle:.1f} s",
        "evaluate, diagnose and report on all cells here (n=1)": readers
        if isinstance(readers, str)
        else f"{readers:.1f} s",
        "`dvc repro` with nothing to do, on all cells here": idle
        if isinstance(idle, str)
        else f"{shown(idle, 2)} s (n={idle.n})",
    }
    return [*lines, *(f"| {what} | {found} |" for what, found in rows.items())]


def document(
    rounds: Sequence[Round], every: Mapping[str, Contestant], groups: Mapping[str, Group], cores: int, epochs: int,
    machine: Sequence[str], costs: Costs | None, memory: Mapping[str, float], torch: str,
    warning: str | None,
) -> str:  # fmt: skip
    """The whole report. `torch` says which PyTorch took part, `warning` what makes the numbers poor."""
    took_part = any(name in rounds[0].images for name in PYTORCH)
    return "\n".join(
        [
            "# Benchmark",
            "",
            "Made by `make bench`: images that each contestant trains in a second, on the same cores, the same 1,000 "
            "embedded images and the source's CNN (421,642 parameters); batches of 32, Adam at 0.001, float32. All "
            "processes live through the whole run and wait for their turn. In every round each contestant trains "
            f"{epochs * 1000:,} images in each of its processes at once, in an order shuffled anew. Shown: median "
            f"(lowest–highest) of n={len(rounds)} rounds; every ratio is taken within a round.",
            "",
            *([warning, ""] if warning else []),
            *table(rounds, every, groups, cores),
            "",
            ceiling(rounds, cores),
            "",
            "(a) and (b) have the threads, oneDNN setting and `jit_compile` that TensorFlow and Keras give a user who "
            "sets none, and measure accuracy, as `compile(metrics=['accuracy'])` asks; (a) trains one model after "
            "another, (d) one replicate a core. All Keras models come from one builder. (c) and (d) leave no batch "
            "short; (a) and (b) end each pass over the images with one of 8.",
            "",
            f"PyTorch (c) is {torch}." if took_part else f"PyTorch (c) is {ABSENT}: {CURE}.",
            "",
            "## Owed",
            "",
            *owed(figures.targets(rounds, cores)),
            "",
            "## Beside training",
            "",
            *besides(costs, memory),
            "",
            "## Machine",
            "",
            *machine,
            "",
        ]
    )

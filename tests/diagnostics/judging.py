"""Judges the rules on histories: `python -m tests.diagnostics.judging` prints the tables of docs/findings/history.md.

Thresholds were set on even seeds; what is printed, and tested, is of odd ones.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tests.diagnostics import trained
from tests.diagnostics.curves import HEALTHY, KINDS, Planted, simulate
from valgap.diagnostics.history.read import read_history
from valgap.diagnostics.history.rules import read_rules
from valgap.diagnostics.seen import Seen

SEEDS = range(1, 240, 2)  # of each kind
CHANCE = math.log(trained.CLASSES)


@dataclasses.dataclass(frozen=True)
class Case:
    """A simulated run and what the rules told."""

    run: Planted
    seen: tuple[Seen, ...]

    @property
    def n(self) -> int:
        return self.run.curves.epochs

    def told(self, code: str, *ways: str) -> bool:
        """Whether a code was told, at more than "fine" unless a way of it is asked for."""
        return any(
            each.code == code and (_way(each) in ways if ways else each.severity in ("problem", "worth a look"))
            for each in self.seen
        )

    @property
    def problem(self) -> bool:
        return any(each.severity == "problem" for each in self.seen)


@dataclasses.dataclass(frozen=True)
class Rate:
    """How many of how many."""

    hits: int
    n: int

    def __str__(self) -> str:
        return f"{self.hits} of {self.n} ({self.hits / max(self.n, 1):.1%})"


Truth = Callable[[Case], bool]
HEALTH: Truth = lambda case: case.run.kind in HEALTHY  # noqa: E731
ROWS: dict[str, tuple[str, tuple[str, ...], Truth, Truth]] = {
    "VG401, rise of 25% or more": (
        "VG401", ("rises",), lambda c: c.run.kind == "overfit" and c.run.rise >= 0.25, HEALTH
    ),
    "VG401, rise of 10 to 25%": (
        "VG401", ("rises",), lambda c: c.run.kind == "overfit" and 0.1 <= c.run.rise < 0.25, HEALTH
    ),
    "VG401, stands still": ("VG401", ("apart", "rises"), lambda c: c.run.kind == "apart", HEALTH),
    "VG402": (
        "VG402", (), lambda c: c.run.kind == "early" and c.run.ahead >= 0.1,
        lambda c: HEALTH(c) and c.run.ahead < 0.03,
    ),
    "VG403": (
        "VG403", (), lambda c: c.run.kind == "overfit" and c.run.rise >= 0.25 and c.run.best <= 0.4 * c.n,
        lambda c: HEALTH(c) or (c.run.kind == "overfit" and c.run.best >= 0.6 * c.n),
    ),
    "VG404, 8 epochs or more": ("VG404", (), lambda c: c.run.kind == "oscillates" and c.n >= 8, HEALTH),
    "VG405": ("VG405", (), lambda c: c.run.kind == "never", lambda c: c.run.kind not in ("never", "diverged")),
    "VG406, throughout": (
        "VG406", ("training only", "few"), lambda c: c.run.kind in ("easier", "dropout"),
        lambda c: c.run.kind in ("good", "drops", "warmup", "apart", "small", "overfit"),
    ),
    "VG406, first epochs": ("VG406", ("mean",), lambda c: c.run.kind == "quick", lambda c: c.run.kind == "never"),
    "VG407": ("VG407", (), lambda c: c.run.kind == "diverged", lambda c: c.run.kind != "diverged"),
    "VG408": ("VG408", ("fine",), lambda c: HEALTH(c) and c.run.kind not in ("easier", "dropout"),
              lambda c: c.run.kind in ("overfit", "never", "diverged", "oscillates")),
}  # fmt: skip


def _way(seen: Seen) -> str:
    found = seen.evidence.get("form") or seen.evidence.get("reason") or seen.severity
    return str(found)


def cases(seeds: Iterable[int] = SEEDS) -> list[Case]:
    """All kinds, each with all seeds, judged."""
    runs = (simulate(kind, seed) for kind in KINDS for seed in seeds)
    return [Case(run, tuple(read_rules(run.curves))) for run in runs]


def rates(found: list[Case]) -> dict[str, tuple[Rate, Rate]]:
    """For each row, how many that have it were told it, and how many were told it that do not."""
    made = {}
    for name, (code, ways, has, lacks) in ROWS.items():
        sets = ([case for case in found if truth(case)] for truth in (has, lacks))
        right, wrong = (Rate(sum(case.told(code, *ways) for case in cases_), len(cases_)) for cases_ in map(list, sets))
        made[name] = (right, wrong)
    return made


def epochs_covered(found: list[Case]) -> Rate:
    """Of overfitting that was told, how often the true best epoch lies within the limits."""
    limits = [
        (seen.evidence["low"], case.run.best, seen.evidence["high"])
        for case in found
        if case.run.kind == "overfit"
        for seen in case.seen
        if seen.code == "VG401" and _way(seen) == "rises"
    ]
    return Rate(sum(low <= best <= high for low, best, high in limits), len(limits))


@dataclasses.dataclass(frozen=True)
class Network:
    """A trained network: its truth, told by 2,000 images more and by what further training did, and what was told."""

    kind: str
    seed: int
    truth: str
    codes: tuple[str, ...]
    problems: tuple[str, ...]


def networks(parity: int = 1) -> list[Network]:
    """The trained networks with odd (1) or even (0) seeds."""
    found = []
    for run in json.loads(trained.PATH.read_text()):
        if run["seed"] % 2 == parity:
            logs = {k: v[: run["epochs"]] for k, v in run["curves"].items() if not k.startswith(("many", "fair"))}
            seen = [each for each in read_rules(read_history(logs)) if each.severity != "fine"]
            problems = tuple(each.code for each in seen if each.severity == "problem")
            found.append(Network(run["kind"], run["seed"], _truth(run), tuple(each.code for each in seen), problems))
    return found


def _truth(run: dict[str, Any]) -> str:
    """The one code that is true of a run, or `none`, or `grey` where it is between two."""
    n, many = run["epochs"], np.array(run["curves"]["many_loss"])
    fair, right = run["curves"]["fair_loss"][n - 1], run["curves"]["accuracy"][n - 1]
    if not np.isfinite(run["curves"]["loss"][:n]).all() or not fair <= 2 * CHANCE:
        return "VG407"
    if fair > 0.96 * CHANCE and right < 1.3 / trained.CLASSES:
        return "VG407" if min(run["curves"]["loss"][:n]) < 0.75 * CHANCE else "VG405"  # it had learnt, and fell back
    if fair > 0.75 * CHANCE and many[-1] < many[n - 1] - 0.02:  # it learns, slowly
        return "VG402"
    smooth = np.array([np.median(many[max(0, place - 1) : place + 2]) for place in range(len(many))])
    rise, ahead = smooth[n - 1] / smooth[:n].min() - 1, 1 - smooth[n:].min() / smooth[n - 1]
    late = np.log(many[n // 4 : n])
    if len(late) > 4 and np.std(np.diff(late)) / math.sqrt(2) > 0.2:
        return "VG404"
    if rise > 0.02 or many[n - 1] < 0.1:  # of a loss this small nothing is to be gained
        return "VG401" if rise >= 0.1 and smooth[n - 1] - smooth[:n].min() > 0.02 else "grey" if rise > 0.05 else "none"
    return "VG402" if ahead >= 0.1 else "grey" if ahead > 0.03 else "none"


def main() -> None:
    """Print the tables."""
    found = cases()
    print(f"{len(found):,} simulated curves\n\n| finding | told of those that have it | told of those that do not |")
    print("| --- | --- | --- |")
    for name, (right, wrong) in rates(found).items():
        print(f"| {name} | {right} | {wrong} |")
    healthy = [case for case in found if HEALTH(case)]
    print(f"\nA problem on a healthy curve: {Rate(sum(case.problem for case in healthy), len(healthy))}")
    print(f"Best epoch within the limits: {epochs_covered(found)}")
    print("\n| of the overfitting (rise of 10% or more), by epochs | told |\n| --- | --- |")
    for low, high in ((5, 10), (10, 25), (25, 60), (60, 201)):
        some = [c for c in found if c.run.kind == "overfit" and c.run.rise >= 0.1 and low <= c.n < high]
        print(f"| {low} to {high - 1} | {Rate(sum(c.told('VG401', 'rises') for c in some), len(some))} |")
    made = networks()
    print(f"\n{len(made)} trained networks\n\n| true | networks | told it | told besides | a problem |")
    print("| --- | --- | --- | --- | --- |")
    for truth in sorted({network.truth for network in made}):
        some_ = [network for network in made if network.truth == truth]
        told = sum(truth in network.codes or (truth == "none" and set(network.codes) <= {"VG406"}) for network in some_)
        others = sorted({code for network in some_ for code in network.codes if code != truth})
        problems = sum(bool(network.problems) for network in some_)
        print(f"| {truth} | {len(some_)} | {told} | {', '.join(others) or '–'} | {problems} |")


if __name__ == "__main__":
    main()

"""VG108: which suspected labels are wrong, and whether the estimate of how many holds the truth.

Wrong labels are planted in draws of each set, every second time in training images alone. The rules of
`valgap.findings.wrong_labels` were set on other draws than these.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from valgap.calibrate.findings.sets import ImageSet
from valgap.calibrate.findings.wrong_labels import KINDS, plant
from valgap.data.sources.images import Images
from valgap.findings.doubted import Doubted, asymmetry, doubted
from valgap.findings.doubts import judge_labels
from valgap.findings.finding import use
from valgap.findings.labels import FIRST, SKILL, TEN, limits_of, severity_of
from valgap.findings.rates import Rate, Row

NAME = "labels"
CODE = "VG108"
RATES = (0.01, 0.05, 0.1, 0.2)
STREAM = 1  # of the draws here; those that the rules were set on are of others
DRAWS = 5  # of every kind and rate on every set
IMAGES, LEARNED = 3000, 0.55  # of a draw, at most, and the share of them to train on
CLEAN = "none"
Index = NDArray[np.int64]
NONE = Rate(0, 0)


@dataclasses.dataclass(frozen=True)
class Draws:
    """What came of the draws of one kind, rate and set.

    `recall` counts wrong labels that are suspected, `first` by number of flags those that are wrong; `covered` splits
    whose interval holds the share of wrong labels, `flags_covered` likewise of the first FIRST flags; `problems` draws
    that are called a problem, and `of_problems` their first flags that are wrong; `parted` draws whose headline names
    training. `unknown` draws are those in which the simple model has too little skill: they count nowhere else.
    """

    recall: Rate = NONE
    first: dict[int, Rate] = dataclasses.field(default_factory=dict)
    covered: Rate = NONE
    flags_covered: Rate = NONE
    problems: Rate = NONE
    of_problems: Rate = NONE
    parted: Rate = NONE
    unknown: int = 0

    def __add__(self, other: "Draws") -> "Draws":
        rates = {
            each.name: getattr(self, each.name) + getattr(other, each.name)
            for each in dataclasses.fields(self)
            if each.name != "first"
        }
        first = {each: self.first.get(each, NONE) + other.first.get(each, NONE) for each in self.first | other.first}
        return Draws(first=first, **rates)


def run(sets: Mapping[str, ImageSet], seed: int, tell: Callable[[str], None]) -> list[Row]:
    """Rows by kind, rate and set; what has no row is told."""
    rows = []
    for each in sets.values():
        for number, (kind, rate) in enumerate([(CLEAN, 0.0), *((kind, rate) for kind in KINDS for rate in RATES)]):
            found = sum((draw(each, kind, rate, [seed, STREAM, number, turn]) for turn in range(DRAWS)), Draws())
            what = "no label changed" if kind == CLEAN else f"{kind}, {100 * rate:.0f}% wrong"
            tell(f"{each.name}, {what}: {said(found)}")
            rows += rows_of(what, each.name, kind, found)
    return rows


def rows_of(what: str, name: str, kind: str, found: Draws) -> list[Row]:
    """Of wrong labels those suspected, of first flags those that are wrong; of clean draws those called a problem."""
    if not found.problems.n:
        return []
    if kind == CLEAN:
        return [Row(CODE, what, name, alarms=found.problems)]
    head = f"{what}, first {FIRST} flags"
    return [Row(CODE, head, name, planted=found.recall, right=found.first[FIRST])]


def said(found: Draws) -> str:
    """All that came of some draws, on one line."""
    shares = {f"first {count}": rate for count, rate in found.first.items()}
    shares |= {"recall": found.recall, "share in interval": found.covered, "flags in interval": found.flags_covered}
    shares |= {"problem": found.problems, "of its flags": found.of_problems, "training named": found.parted}
    told = [f"{name} {rate.count}/{rate.n}" for name, rate in shares.items() if rate.n]
    return ", ".join([*told, *([f"{found.unknown} unknown"] if found.unknown else [])])


def draw(each: ImageSet, kind: str, rate: float, seeds: list[int]) -> Draws:
    """Plant and judge once; the last of the seeds says whether held-out labels are spared."""
    rng = np.random.default_rng(seeds)
    rows = np.sort(rng.permutation(len(each.labels))[:IMAGES])
    images, labels = each.images[rows], each.labels[rows]
    split = np.where(rng.permutation(len(rows)) < LEARNED * len(rows), "train", "val")
    where = np.flatnonzero(split == "train") if seeds[-1] % 2 else np.arange(len(rows))
    given = labels if kind == CLEAN else plant(kind, rate, images, labels, where, rng)
    names = tuple(map(str, range(len(rows))))
    source = Images(images, given, each.class_names, np.full(len(rows), ""), names, {})
    doubts = judge_labels(use(source, split), np.arange(len(rows)), seeds[-1])
    if doubts.judged is None or doubts.skill < SKILL:
        return Draws(unknown=1)
    pair = asymmetry(doubts.tallies, limits_of)
    alone = seeds[-1] % 2 or kind == CLEAN
    named = Rate(int(pair is not None and pair[0].split == "train"), 1) if alone else NONE
    return dataclasses.replace(judged(doubted(doubts), doubts.skill, given != labels), parted=named)


def judged(seen: Doubted, skill: float, is_wrong: NDArray[np.bool_]) -> Draws:
    """Doubts of a model of such skill against the truth: (n,) which of all labels are wrong."""
    flagged = np.array([is_wrong[part.judged.images[place]] for part, place in map(seen.at, range(len(seen.ranked)))])
    parts = [(part, is_wrong[part.judged.images]) for part in seen.parts]
    known = [(part.wrong.share, float(wrong.mean())) for part, wrong in parts if part.wrong]
    first = {count: Rate(int(flagged[:count].sum()), len(flagged[:count])) for count in (TEN, FIRST)}
    head, sure = seen.first(FIRST), severity_of(seen, skill) == "problem"
    return Draws(
        recall=Rate(int(flagged.sum()), sum(int(wrong.sum()) for _, wrong in parts)),
        first=first,
        covered=Rate(sum(share.low <= truth <= share.high for share, truth in known), len(known)),
        flags_covered=Rate(int(head.low - 1e-9 <= first[FIRST].count <= head.high + 1e-9), 1),
        problems=Rate(int(sure), 1),
        of_problems=first[FIRST] if sure else NONE,
    )

"""Reports on what a suite may find: every kind of answer, made up."""

import dataclasses
import math
from typing import Any

from tests.report.page_sample import sample
from tests.samples import CAPACITY, SPLIT, VERDICT
from valgap.report.inputs import Inputs
from valgap.stats.intervals import Interval
from valgap.stats.seen import Expected, Reproduction, Seen, Source
from valgap.stats.verdict import (
    Answer,
    Baseline,
    CauseEffect,
    Estimate,
    FollowUp,
    Gap,
    Labels,
    Remedies,
    Shares,
    Untested,
)
from valgap.stats.words import OfSeen, OfSymptom


def _cause(name: str, title: str, verdict: Any, mean: float, half: float = 0.01, **changes: Any) -> CauseEffect:
    entry = dataclasses.replace(CAPACITY, cause=name, title=title, verdict=verdict, **changes)
    return dataclasses.replace(entry, mean=mean, low=mean - half, high=mean + half)


def _answer(entry: CauseEffect, **changes: Any) -> Answer:
    given = Answer(entry.cause, entry.title, "removal", entry.verdict, entry.mean, entry.low, entry.high)
    return dataclasses.replace(given, **changes)


TOLD: tuple[OfSymptom, ...] = ("vanishes", "gap reproduced", "validation worse", "unknown")  # of a symptom


def situations() -> dict[str, Inputs]:
    """Reports on what a suite may find, by name."""
    acquitted = _cause("capacity", "excess capacity", "not to blame", -0.09, arms=("narrow",), arm="narrow")
    lack = _cause("capacity_lack", "too little capacity", "not to blame", 0.001, 0.006, arms=("wide",), arm="wide")
    mild = _cause("regularization", "insufficient regularization", "not to blame", -0.032, arms=("dropout",))
    training = _cause(
        "training", "unfinished training or its rate", "contributes", 0.072, 0.02, arms=("longer",), arm="longer",
        sound=Estimate(0.05, 0.04, 0.06),
    )  # fmt: skip
    augmentation = _cause(
        "augmentation", "improper augmentation", "contributes", 0.154, 0.02, arms=("none",), arm="none"
    )
    imbalance = _cause(
        "imbalance", "class imbalance", "contributes", 0.104, 0.02, arms=("logits", "oversampling"), arm="logits",
        given=("none",), after=Estimate(0.076, 0.05, 0.102),
    )  # fmt: skip
    apart = dataclasses.replace(imbalance, given=(), after=None)
    healthy = (acquitted, lack, mild)
    shares = Shares(
        {"augmentation": "none", "imbalance": "logits"},
        {"augmentation": Estimate(0.14, 0.127, 0.154), "imbalance": Estimate(0.09, 0.062, 0.117)},
        Estimate(0.23, 0.201, 0.259),
        0.12,
    )
    negative = Gap(*(Interval(4, mean, 0.01, mean - 0.01, mean + 0.01) for mean in (-0.152, -0.15, -0.002)))
    shifted = Gap(*(Interval(4, mean, 0.01, mean - 0.01, mean + 0.01) for mean in (0.188, 0.093, 0.095)))
    labels = Labels({"train": Estimate(0.28, 0.26, 0.3), "val": Estimate(0.08, 0.07, 0.09)}, Estimate(0.2, 0.18, 0.22))
    nothing = Remedies((), 5, 0.95, 2.9)
    more = FollowUp("pooling_longer", {"steps": 2880, "head": "pooling"}, "more steps", ("narrow",))
    both = FollowUp("all_removed", {"width": 0.5}, "together", ("none", "logits"))
    return {
        "healthy": sample(severity="fine", causes=healthy, answer=(), remedies=nothing),
        "split": sample(
            causes=(SPLIT, *healthy), gap=shifted,
            answer=(Answer("split", SPLIT.title, "gap", "contributes", 0.095, 0.085, 0.105),),
        ),
        "labels": sample(
            gap=negative, labels=labels, answer=(), remedies=nothing,
            causes=(Untested(cause="labels", title="wrong training labels", verdict="not tested", why="no arm"), mild),
        ),
        "undertrained": sample(
            severity="fine", baseline=Baseline(4, 0, 0.81, ()), answer=(_answer(training),), follow_up=(more,),
            causes=(
                training,
                dataclasses.replace(acquitted, verdict="waits"),
                dataclasses.replace(mild, verdict="not tested fairly", unfair=("dropout",)),
            ),
        ),
        "two": sample(
            severity="fine", causes=(augmentation, imbalance, acquitted, lack), shares=shares, data=VERDICT.data,
            follow_up=(both,), score=0.65,
            answer=(
                _answer(augmentation, kind="share", mean=0.14), _answer(imbalance, kind="share", mean=0.09),
                Answer("data", "too few images", "doubling", "contributes", 0.02, 0.015, 0.025),
            ),
        ),
        "alone": sample(
            severity="fine", causes=(augmentation, apart, acquitted), score=0.65, follow_up=(both,),
            answer=(_answer(augmentation), _answer(apart)),
        ),
        "collapsed": sample(
            severity="fine", baseline=Baseline(4, 2, 0.72, (1, 3)), causes=(training,), answer=(_answer(training),),
        ),
        "single": sample(n=1, remedy=None),
    } | {f"symptom {word}": sample(symptom=symptom(word)) for word in TOLD}  # fmt: skip


def symptom(word: OfSymptom, source: Source = "accuracies", **changes: Any) -> Reproduction:
    """What the user saw, with a word and numbers that go with it."""
    of_values: dict[OfSymptom, tuple[OfSeen, OfSeen, OfSeen]] = {  # of training, validation, gap
        "gap reproduced": ("below", "below", "within"),
        "vanishes": ("within", "below", "above"),
        "larger": ("within", "below", "above"),
        "trained less": ("above", "within", "above"),
        "smaller": ("within", "within", "below"),
        "validation alone": ("not compared", "within", "not compared"),
        "validation worse": ("not compared", "below", "not compared"),
        "validation better": ("not compared", "above", "not compared"),
        "unknown": ("unknown", "unknown", "unknown"),
    }
    verdicts = of_values.get(word, ("within", "within", "within"))
    seen, means = {"below": -0.1, "above": 0.1}, (0.88, 0.87, 0.01) if word == "vanishes" else (0.88, 0.81, 0.07)
    values = [
        Expected(
            name,
            mean + seen.get(verdict, 0.002),
            mean,
            *_between(mean, verdict, 0.1 if word == "too wide" else 0.03),
            verdict,
        )
        for (name, mean), verdict in zip(
            zip(("train_accuracy", "val_accuracy", "gap"), means, strict=True), verdicts, strict=True
        )
    ]
    file = None if source == "accuracies" else "logs/run 1.csv" if source == "history" else "saved/best.keras"
    at = {"epoch": 12, "epochs": 15} if source == "history" else {}
    given = Seen(source, "fit", values[0].seen, values[1].seen, file=file, **at)
    otherwise = ("dropout", "augmentation") if "not compared" in verdicts else ()
    return dataclasses.replace(Reproduction(word, given, 4, 0.9833, otherwise, tuple(values)), **changes)


def _between(mean: float, verdict: OfSeen, half: float) -> tuple[float, float]:
    return (math.nan, math.nan) if verdict == "unknown" else (mean - half, mean + half)

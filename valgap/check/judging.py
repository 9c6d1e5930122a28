"""Rules on what a check found: how it was read, its scores, its gap. Pure functions that return what they saw."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from valgap.check.result import Result
from valgap.diagnostics.reading.decision import Decision, Named
from valgap.diagnostics.seen import Seen
from valgap.findings.finding import PROBLEM_SHARE, Audit, Severity

MARGIN = 0.02  # of accuracy: what the suite's own params.yaml calls no effect
LOW = 0.1  # training error from which on the model counts as underfitting, where it is more than the gap
BLIND = 0.05  # of recall: a class below is not recognised
OTHERWISE = 0.6  # mean recall of the other classes, for such a class to be a fault of its own
NEAR_CHANCE = 0.1  # of the way from chance to perfect recall
FEW = 50  # held-out images from which on nothing carries over
HEART = 0.3  # of recall that training images are better
ENOUGH = 10  # images of such a class
MANY = {"VG108": 0.15, "VG110": 0.1}  # shares of images
TIMES = 5  # largest class over smallest
LAGS = 0.05  # of recall that a class must lack, beyond the luck of its images, to be worth a look
FACTORS = {"channels": "VG001", "scale": "VG002", "upright": "VG003", "alpha": "VG004", "filter": "VG005"}
FACTORS |= {"aspect": "VG006", "inverted": "VG007", "order": "VG008"}
# What explains a low accuracy.
SPOILED = {f"VG{number:03d}" for number in (*range(1, 10), 14, *range(201, 208), 212, 215)}
SPOILED |= {"VG301", "VG302", "VG304", "VG305", "VG309", "VG310", "VG311"}
SHIFTED = {"VG105", "VG106", "VG107", "VG118", "VG119", "VG120", "VG303", "VG306", "VG307"}
FIRST = {"VG102", "VG103", "VG116", "VG106", "VG107", "VG123", "VG117", "VG118", "VG119", "VG120", "VG101", "VG104"}
FIRST |= {"VG126", "VG127"}
SERIOUS: tuple[Severity, Severity] = ("problem", "worth a look")


def look(result: Result) -> list[Seen]:
    """What there is to say of the reading and the scores, beside what was seen already."""
    found = [*result.predicted.seen, *reading(result)]
    serious = codes(found) | weighed(result.audit)
    rules = (chance, unrelated, weakest, fit, gap, confidence, blind)
    for rule in rules:
        if (seen := rule(result, serious)) is not None:
            found.append(seen)
            serious |= {seen.code} if seen.severity in SERIOUS else set()
    return found


def reading(result: Result) -> Iterator[Seen]:
    """How training read the images, where that is not what Keras does by default."""
    decision = result.predicted.decision
    evidence = _evidence(result, decision)
    named = {each.factor: each for each in decision.named}
    if decision.better:
        yield Seen("VG014", "worth a look", evidence | {"reading": decision.reading})
    for factor, each in named.items():
        if factor == "channels" and "scale" in named:
            continue  # said with the scale
        yield Seen(FACTORS[factor], "worth a look", evidence | _named(result, each))


def _evidence(result: Result, decision: Decision) -> dict[str, object]:
    return {"best": decision.best, "plain": decision.plain, "images": decision.images, "fed": result.predicted.fed}


def _named(result: Result, each: Named) -> dict[str, object]:
    decision = result.predicted.decision
    names = np.array(result.predicted.images.class_names, dtype=object)
    moved = np.flatnonzero(decision.order != np.arange(len(names)))
    return {
        "value": each.value,
        "rivals": each.rivals,
        "without": each.without,
        "reading": decision.reading,
        "files": _files(result, each.factor),
        "order": decision.order_name,
        "outputs": tuple(names[np.argsort(decision.order)].tolist()),
        "moved": tuple(names[moved].tolist()),
    }


def _files(result: Result, factor: str) -> int:
    """How many files a factor of decoding concerns."""
    files = result.predicted.images.files
    if files is None:
        return 0
    height, width = result.predicted.images.images.shape[1:3]
    concerned = {
        "upright": files.orientation > 0,
        "alpha": files.transparent,
        "filter": (files.size != (width, height)).any(axis=1),
        "aspect": files.size[:, 0] * height != files.size[:, 1] * width,
    }
    return int(concerned[factor].sum()) if factor in concerned else 0


def chance(result: Result, serious: set[str]) -> Seen | None:
    """VG009: no reading is better than chance, and nothing else that was seen says why."""
    decision = result.predicted.decision
    if not decision.at_chance or serious & SPOILED:
        return None
    scores = result.scores[result.fitted]
    return Seen(
        "VG009",
        "problem",
        {
            "accuracy": scores.accuracy.mean,
            "split": result.fitted,
            "largest": max(scores.counts) / scores.images,
            "tried": len(decision.tried),
            "classes": len(scores.counts),
        },
    )


def unrelated(result: Result, serious: set[str]) -> Seen | None:
    """VG304: what was learnt by heart carries over to nothing: labels may not belong to their images at all."""
    if result.gap is None or result.held_out is None or serious & (SPOILED | SHIFTED):
        return None
    train, held = result.scores["train"], result.scores[result.held_out]
    present = sum(1 for count in held.counts if count)
    limit = 1 / present + NEAR_CHANCE * (1 - 1 / present)
    balanced = held.metrics["balanced_accuracy"]
    if balanced > limit or held.images < FEW or train.metrics["balanced_accuracy"] < balanced + HEART:
        return None
    evidence = {"how": "nothing", "other": result.held_out, "images": held.images, "chance": 1 / present}
    evidence |= {"train_skill": train.accuracy.mean, "transferred": held.accuracy.mean}
    return Seen("VG304", "worth a look", evidence)


def fit(result: Result, serious: set[str]) -> Seen | None:
    """VG208: most errors are there on training images already, and nothing that was seen explains that."""
    score, lost = primary(result, result.fitted), result.gap.mean if result.gap else 0.0
    if serious & SPOILED or 1 - score < LOW or 1 - score <= lost:
        return None
    evidence = {"split": result.fitted, "balanced": result.balanced, "score": score, "gap": lost}
    return Seen("VG208", "worth a look", evidence)


def gap(result: Result, serious: set[str]) -> Seen | None:
    """VG213: the gap is real; `explained` lists findings that may be why."""
    if result.gap is None or not result.gap.low > 0 or result.gap.high < MARGIN or serious & {"VG009"}:
        return None
    return Seen(
        "VG213",
        "worth a look",
        {
            "train": primary(result, "train"),
            "held": primary(result, result.held_out or ""),
            "split": result.held_out,
            "gap": result.gap,
            "balanced": result.balanced,
            "explained": sorted(serious & (SPOILED | FIRST)),
        },
    )


def confidence(result: Result, serious: set[str]) -> Seen | None:
    """VG210: the model claims more than it keeps on held-out images."""
    scores = result.scores[result.held_out or result.fitted]
    if not scores.excess.low > MARGIN or serious & SPOILED:
        return None
    evidence = {
        "split": result.held_out or result.fitted,
        "claimed": scores.accuracy.mean + scores.excess.mean,
        "accuracy": scores.accuracy.mean,
        "excess": scores.excess,
        "mistakes": scores.images - scores.accuracy.right,
        "mistaken": scores.mistaken,
        "nll": scores.metrics["nll"],
        "ece": scores.metrics["ece"],
    }
    return Seen("VG210", "worth a look", evidence)


def weakest(result: Result, serious: set[str]) -> Seen | None:
    """VG211: the class with the lowest recall; a problem where it is never recognised, though the others are."""
    if serious & SPOILED:
        return None
    scores = result.scores[result.held_out or result.fitted]
    means = np.array([found.mean if found else math.nan for found in scores.recalls])
    if np.isfinite(means).sum() < 2 or np.nanmin(means) == 1:
        return None
    label = int(np.nanargmin(means))
    lost = scores.recalls[label]
    others = np.delete(means, label)
    never = means[label] <= BLIND and np.nanmean(others) >= OTHERWISE and lost is not None and lost.images >= ENOUGH
    learned = result.scores[result.fitted].counts[label]
    names = result.predicted.images.class_names
    evidence = {
        "name": names[label],
        "recall": lost,
        "split": result.held_out or result.fitted,
        "never": never,
        "last": label == len(names) - 1,
        "learned": learned,
        "alone": result.held_out is None,
        "others": float(np.nanmean(others)),
    }
    low = lost is not None and lost.high < np.nanmean(others) - LAGS
    return Seen("VG211", "problem" if never else "worth a look" if low else "fine", evidence)


def blind(result: Result, serious: set[str]) -> Seen | None:
    """VG214: how large a gap could have gone unseen."""
    if result.gap is None or result.held_out is None or not result.gap.low <= 0 <= result.gap.high:
        return None
    half = (result.gap.high - result.gap.low) / 2
    images = result.scores[result.held_out].images
    return Seen(
        "VG214",
        "fine" if half < 2 * MARGIN else "worth a look",
        {"images": images, "split": result.held_out, "half": half},
    )


def primary(result: Result, split: str) -> float:
    """The score that decides, of one split."""
    return result.scores[split].metrics["balanced_accuracy" if result.balanced else "accuracy"]


def weighty(result: Result) -> set[str]:
    """Codes of the audit's hints that concern so many images that they may be the cause."""
    found = {
        each.code for each in result.audit.findings if each.code in MANY and each.count >= MANY[each.code] * each.of > 0
    }
    counts = [count for count in result.scores[result.fitted].counts if count]
    if max(counts) >= TIMES * min(counts):
        found.add("VG113")
    return found


def leaks(result: Result) -> bool:
    """Whether so many held-out images are known from training that accuracy is off by a point."""
    return bool(result.leaked and result.leaked >= PROBLEM_SHARE * result.scores[result.held_out or ""].images)


def weighed(audit: Audit) -> set[str]:
    """Codes of what the audit calls a problem or worth a look."""
    return {each.code for each in audit.findings if each.severity in SERIOUS}


def codes(found: Iterable[Seen]) -> set[str]:
    """Codes of what is a problem or worth a look."""
    return {each.code for each in found if each.severity in SERIOUS}

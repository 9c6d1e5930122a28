"""VG123 and VG124: what a shift is to the model, beside what the audit says of pixels."""

import dataclasses
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from valgap.check.judging import MARGIN, SERIOUS
from valgap.check.prediction import Predicted
from valgap.diagnostics.seen import Seen
from valgap.findings.answers_shift import SEEN, Answered, ModelShift, model_shift
from valgap.findings.class_mix import Mix, class_mix
from valgap.findings.finding import HELD_OUT, Audit, Severity
from valgap.findings.within_classes import PERMUTATIONS

PIXELS = ("VG106", "VG107")  # what the audit says of pixels alone
OF_ALL = ("VG107",)  # those of every held-out split; the others speak of validation alone
SEES = " The model sees it, too (VG123)."
CHEAP = " The model sees it, too, but loses less than 2 pp of accuracy by it."
HARDLY = " What the model’s first layer makes of them is alike, though, so that it hardly matters to the model."


@dataclasses.dataclass(frozen=True)
class Shifted:
    """What the model sees of a shift between splits, and their class mixes against training's."""

    seen: ModelShift
    mixes: tuple[Mix, ...]


def shifted(predicted: Predicted, clusters: NDArray[np.int64], seed: int) -> Shifted:
    """Compare the splits; (n,) `clusters` are groups or near duplicates."""
    images = predicted.images
    answered = Answered(
        predicted.probabilities, predicted.features, predicted.early, images.labels, predicted.splits, clusters
    )
    right = predicted.probabilities.argmax(axis=1) == images.labels
    rows = {name: np.flatnonzero((predicted.splits == name) & (images.labels >= 0)) for name in ("train", *HELD_OUT)}
    mixes = []
    for split in HELD_OUT:
        learned, held = rows["train"], rows[split]
        if len(learned) and len(held):
            groups = None if images.groups is None else (images.groups[learned], images.groups[held])
            mixes.append(class_mix(split, images.labels[learned], images.labels[held], right[held], groups, seed))
    return Shifted(model_shift(answered, seed), tuple(mixes))


def look(found: Shifted, predicted: Predicted, serious: Collection[str]) -> Iterator[Seen]:
    """VG123 and VG124, beside the codes that the audit calls `serious`."""
    if (seen := _by_model(found.seen, predicted, serious)) is not None:
        yield seen
    names = predicted.images.class_names
    for mix in found.mixes:
        severity: Severity = "unknown" if mix.p is None else "worth a look" if mix.matters else "fine"
        yield Seen("VG124", severity, dataclasses.asdict(mix) | {"effect": mix.effect, "name": names[mix.largest]})


def told(audit: Audit, found: Shifted) -> Audit:
    """The audit, whose findings on pixels say whether the model sees that."""
    more = _of_pixels(found.seen)
    findings = tuple(
        dataclasses.replace(each, effect=each.effect + more)
        if each.code in PIXELS and each.severity in SERIOUS
        else each
        for each in audit.findings
    )
    return dataclasses.replace(audit, findings=findings)


def _of_pixels(seen: ModelShift) -> str:
    """What to add where pixels differ; "" where it is not known whether the model sees that."""
    judged = seen.judged
    if judged is not None and judged.differ:
        return CHEAP if _severity(seen) == "fine" else SEES
    pairs = [each.p for (first, _), each in seen.early.items() if first == "train" and each.p is not None]
    return HARDLY if pairs and min(pairs) > SEEN else ""


def _by_model(seen: ModelShift, predicted: Predicted, serious: Collection[str]) -> Seen | None:
    judged = seen.judged
    if judged is None:
        return None
    by_answers = judged is seen.answers
    lost = seen.cost
    early = seen.early.get(("val", "test"))
    evidence = {
        "how": "answers" if by_answers else "early",
        "first": judged.first,
        "second": judged.second,
        "p": judged.p,
        "images": judged.images,
        "distance": judged.distance,
        "alpha": judged.alpha,
        "least": 1 / (1 + PERMUTATIONS),
        "features": predicted.features is not None,
        "cost": lost,
        "cost_known": by_answers and lost is not None and lost.low * lost.high > 0,
        "kind": "pixels" if not by_answers or (early and early.differ) else "content" if early else "unknown",
        "odd": _odd(seen),
        "answers_alike": seen.answers is not None and seen.answers.p is not None and seen.answers.p > SEEN,
        "pixels": [code for code in PIXELS if code in serious and (code in OF_ALL or judged.second == "val")],
        "fed": predicted.images.files is None,
    }
    return Seen("VG123", _severity(seen), evidence)


def _severity(seen: ModelShift) -> Severity:
    judged = seen.judged
    if judged is None or judged.p is None:
        return "unknown"
    if not judged.differ:
        return "fine"
    if judged is not seen.answers or seen.cost is None:
        return "worth a look"
    cheap = max(abs(seen.cost.low), abs(seen.cost.high)) < MARGIN  # it is seen, and known to cost little
    return "problem" if seen.cost.low > MARGIN else "fine" if cheap else "worth a look"


def _odd(seen: ModelShift) -> str:
    """That of val and test which is unlike training by the first layer, "" where both or neither are."""
    unlike = [name for name in HELD_OUT if (pair := seen.early.get(("train", name))) and pair.differ]
    return unlike[0] if len(unlike) == 1 else ""

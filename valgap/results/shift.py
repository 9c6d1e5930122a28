"""What the baseline sees of a shift between splits: in its answers, and in how often classes are met."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valgap.findings.answers_shift import Answered, model_shift
from valgap.findings.class_mix import class_mix
from valgap.findings.finding import HELD_OUT
from valgap.stats.run import Run

Index = NDArray[np.int64]
DIGITS = 9  # that are kept: the last ones depend on the processor
COLUMNS = [
    "what", "split", "against", "images", "others", "p", "effect", "low", "high", "name", "share", "learned", "differ",
]  # fmt: skip


def table(run: Run, class_names: tuple[str, ...], seed: int) -> pd.DataFrame:
    """shift.csv, by the first replicate of the baseline and the images that it was scored on; `differ` is 1 or 0.

    `answers`: class probabilities on `split` (val) and `against` (test), `images` and `others` of them; `p` is that of
    images of one kind; `effect`, with 95% limits, is accuracy on the first less that on the second at the same shares
    of classes. `classes`: how often they are met in `split` and in training; `effect` is what the shares make of its
    accuracy, `name` the class whose share differs most, from `learned` in training to `share`. Empty where unknown.
    """
    found = pd.DataFrame([*_answers(run, seed), *_mixes(run, class_names, seed)], columns=COLUMNS)
    return found.round(DIGITS)


def _answers(run: Run, seed: int) -> Iterator[tuple[object, ...]]:
    groups = {name: run[f"{name}_groups"][0] for name in HELD_OUT}
    if set(groups["val"].tolist()) & set(groups["test"].tolist()):
        return  # a leak, which the audit names: alike images on both sides are no sign of one kind
    answered = Answered(
        np.concatenate([run[f"{name}_probabilities"][0] for name in HELD_OUT]),
        None,
        None,
        np.concatenate([run[f"{name}_labels"][0] for name in HELD_OUT]).astype(np.int64),
        np.repeat(HELD_OUT, [len(groups[name]) for name in HELD_OUT]),
        np.concatenate([groups[name] for name in HELD_OUT]),
    )
    found = model_shift(answered, seed)
    if found.answers is None:
        return
    lost = (np.nan,) * 3 if found.cost is None else (found.cost.mean, found.cost.low, found.cost.high)
    p = np.nan if found.answers.p is None else found.answers.p
    yield "answers", "val", "test", *found.answers.images, p, *lost, "", np.nan, np.nan, int(found.answers.differ)


def _mixes(run: Run, class_names: tuple[str, ...], seed: int) -> Iterator[tuple[object, ...]]:
    labels = {name: run[f"{name}_labels"][0].astype(np.int64) for name in ("train", *HELD_OUT)}
    groups = {name: run[f"{name}_groups"][0] for name in ("train", *HELD_OUT)}
    for split in HELD_OUT:
        right = run[f"{split}_probabilities"][0].argmax(axis=1) == labels[split]
        is_grouped = any(len(np.unique(groups[name])) < len(groups[name]) for name in ("train", split))
        units = (groups["train"], groups[split]) if is_grouped else None
        mix = class_mix(split, labels["train"], labels[split], right, units, seed)
        p = np.nan if mix.p is None else mix.p
        of_class = class_names[mix.largest], mix.share, mix.learned, int(mix.matters)
        yield "classes", split, "train", len(right), len(labels["train"]), p, mix.effect, mix.low, mix.high, *of_class

"""All rules on an input pipeline, in the order in which what they find should be mended."""

from collections.abc import Iterator

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valgap.diagnostics.pipeline import classes, color, copies, learner, pairing, passes, scale
from valgap.diagnostics.pipeline.surveyed import Survey
from valgap.diagnostics.seen import Seen


def look(
    train: Survey,
    val: Survey | None = None,
    test: Survey | None = None,
    *,
    inside_scale: float | None = None,
    outputs: int | None = None,
) -> list[Seen]:
    """What the rules saw in surveys of two or three splits.

    `inside_scale` is the factor of a Rescaling inside the model, None without one; `outputs` how many numbers the
    model gives an image, None where unknown (then taken from the surveys' own outputs).
    """
    held = [each for each in (val, test) if each is not None]
    if outputs is None and train.outputs is not None:
        outputs = train.outputs.shape[1]
    found = [
        *(scale.broken(each) for each in (train, *held)),
        *(classes.fitting(each, outputs) for each in (train, *held)),
        *(passes.unstable_pairs(each) for each in (train, *held)),
        scale.fed(train, inside_scale),
        passes.sorted_by_class(train),
    ]
    with threadpool_limits(1):  # more threads than idle cores cost ten times the time
        for other in held:
            found += _between(train, other)
    seen = [each for each in found if each is not None]
    order = {"problem": 0, "worth a look": 1}
    return sorted(seen, key=lambda each: order.get(each.severity, 2))


def _between(train: Survey, other: Survey) -> Iterator[Seen | None]:
    """What a held-out split shows, alone and against training.

    Splits with broken pixels are compared no further, and labels are not where the split has classes of its own, or its
    images are drawn through augmentation, which may leave nothing to recognise.
    """
    if any(
        seen and seen.severity == "problem" and not seen.evidence["bad"] for seen in map(scale.broken, (train, other))
    ):
        return
    yield scale.ranges(train, other)
    shaken = passes.random_pixels(other)
    yield shaken
    yield passes.random_order(other)
    classes_lacking = classes.lacking(train, other)
    yield classes_lacking
    yield copies.copies(train, other)
    if classes_lacking is not None and classes_lacking.evidence["unseen"]:
        return
    learnt = learner.learn(train, other)
    negative = pairing.inverted(train, other, learnt)
    if negative is not None:
        yield negative
        return
    channels = color.swapped(train, other, learnt)
    if channels is not None:
        yield channels
        return
    order = pairing.reordered(train, other, learnt)
    yield order
    if (
        shaken is None
        and order is None
        and passes.unstable_pairs(other) is None
        and passes.unstable_pairs(train) is None
    ):
        yield pairing.mislabelled(train, other, learnt)

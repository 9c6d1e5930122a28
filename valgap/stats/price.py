"""The price of data: gain per doubling of the training images, and how many images a gain would take."""

import dataclasses
import math

import numpy as np

from valgap.data.prepared import Manifest
from valgap.ground.params.causes import images_of
from valgap.ground.params.suite import BASELINE, Suite
from valgap.stats import trends
from valgap.stats.intervals import Interval
from valgap.stats.measured import Measured, per_replicate, redrawn
from valgap.stats.verdict import ImagesNeeded, Price

FARTHEST = 10  # times the training images: as far as the trend is followed
SLOWER = 0.5  # of the gain per doubling, what may be left of it beyond the sizes tried: eightfold data once gave 0.58


def price(params: Suite, measured: Measured, metric: str, manifest: Manifest) -> Price | None:
    """Gain per doubling of the training images at equal steps; None without two sizes.

    Where a size above the baseline's was tried the smaller ones are left out: gains fall as data grows, and a line
    through all of them would overstate the next doubling.
    """
    declared = [params.causes[cause.name] for cause in params.priced]
    arms = [arm for cause in declared for arm in (*cause.injects, *cause.removes) if arm in measured.loaded]
    sizes = {arm: images_of(params.variants[arm], manifest.train_size) for arm in [BASELINE, *arms]}
    if max(sizes.values()) > sizes[BASELINE]:
        sizes = {arm: size for arm, size in sizes.items() if size >= sizes[BASELINE]}
    if len(set(sizes.values())) < 2:
        return None
    shared = set.intersection(*(set(measured.loaded[arm]["replicates"].tolist()) for arm in sizes))
    scores = [per_replicate(measured.values(arm, metric, sorted(shared))) for arm in sizes]
    gain = trends.price_of_data(
        list(sizes.values()), np.stack(scores, axis=1), redrawn=redrawn(measured.loaded[BASELINE])
    )
    target, headroom = params.diagnosis.target_gain, 1 - float(np.mean(scores[0]))
    return Price(
        sizes=sizes,
        extrapolated=max(sizes.values()) == sizes[BASELINE],
        per_doubling=gain,
        target_gain=target,
        headroom=headroom,
        images_needed=images_needed(sizes[BASELINE], target, headroom, gain),
    )


def images_needed(size: int, target: float, headroom: float, gain: Interval) -> ImagesNeeded:
    """What the trend says of the images that the target takes; beyond `FARTHEST` times the data it says nothing.

    The upper limit allows for a trend that gains less beyond the sizes tried: SLOWER times its lower limit.
    """
    if target > headroom:
        return ImagesNeeded("more than is left to gain", *[math.nan] * 3)
    if math.isnan(gain.low) or math.isnan(gain.high):
        return ImagesNeeded("unknown", *[math.nan] * 3)
    images, low, _ = (float(found) for found in trends.data_needed(size, target, gain))
    slowest = dataclasses.replace(gain, mean=SLOWER * gain.low)
    high = float(trends.data_needed(size, target, slowest)[0])
    if images > FARTHEST * size:
        return ImagesNeeded("out of reach", *[math.nan] * 3)
    return ImagesNeeded("within reach", images, low, high if high <= FARTHEST * size else math.nan)

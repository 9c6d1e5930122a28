"""One test decides among all readings: chosen on one half of a sample of training images, confirmed on the other.

A reading is named only where it explains nearly all images of the second half and clearly beats the plain reading and
the next best. Near chance nothing is named. Pure: the model's outputs come through a function.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valgap.diagnostics.reading import orders
from valgap.diagnostics.reading.decision import Decision, Named, Tried
from valgap.diagnostics.reading.orders import MATCHED, SORTED, Order
from valgap.diagnostics.reading.readings import DEFAULT, FACTORS, PLAIN, Reading, Scale, Space
from valgap.stats.intervals import wilson

Part = Literal["small", "choose", "confirm", "held"]  # of the sample; `small` is the first of `choose`
Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]
Evaluate = Callable[[Reading, Part], Probabilities]  # (images of the part, classes), NaN where not finite

CONVINCING = 0.95  # accuracy on training images from which on the plain reading is not doubted
FINALISTS = 6
TOLERANCE = 0.01  # of accuracy: by less a simpler reading does as well
CERTAIN = 1e-3  # p value of the paired sign test against the plain reading
CLEAR = 0.01  # p value against the next best
GAIN = 0.05  # of accuracy that a reading must add to be named
LEAD = 0.02  # over the next best
ORDER_MARGIN = 0.1  # of accuracy that another order must add to be considered
EXPLAINS = {"order": 0.8, "channels": 0.8, "inverted": 0.8, "scale": 0.8, "upright": 0.7, "alpha": 0.7}  # accuracy
EXPLAINS |= {"filter": 0.5, "aspect": 0.5}  # blurs and cuts: what training saw is only ever met by half
NEAR_CHANCE = 0.1  # of the way from chance to perfect recall


class Search:
    """The search on one sample.

    `labels` are those of each part of it; `known` the orders that programs make, sorted first; `usual` the scales that
    are no news: plain ranges of files, and of an object that which it feeds.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        labels: Mapping[Part, Labels],
        classes: int,
        known: Mapping[str, Order],
        space: Space,
        usual: tuple[Scale, ...] = PLAIN,
    ) -> None:
        self._evaluate, self._labels, self._classes, self._space = evaluate, labels, classes, space
        self._known, self._usual = known, usual
        self._predicted: dict[tuple[Reading, Part], Labels] = {}

    def decide(self, base: Reading) -> Decision:
        """What training read, against `base`, the plain reading with the scale that fits it best."""
        base_accuracy, base_order = self._score(base, "choose")
        top, order = base, base_order
        if base_accuracy < CONVINCING or base_order != SORTED:
            top, order = self._best(base)
        orders_now = self._orders(top)
        chosen_order = orders_now.get(order, orders_now[SORTED])
        right = self._right(top, chosen_order, "confirm")
        plain = self._right(base, orders_now[SORTED], "confirm")
        named = self._named(top, order, chosen_order, right)
        at_chance = self._at_chance(top, chosen_order)
        sure = beats(right, plain, CERTAIN, GAIN)
        if at_chance or not (named or sure):
            top, order, chosen_order, named = base, SORTED, orders_now[SORTED], ()
        if order != SORTED and "order" not in [each.factor for each in named]:
            order, chosen_order = SORTED, orders_now[SORTED]
        return Decision(
            reading=top,
            order=chosen_order,
            order_name=order,
            named=named,
            plain=float(plain.mean()),
            best=float(right.mean()),
            better=sure and not named and not at_chance,
            at_chance=at_chance,
            ranges=self._ranges(top, chosen_order),
            tried=self._table(orders_now),
            images=len(right),
        )

    def _best(self, base: Reading) -> tuple[Reading, str]:
        """The simplest of the best readings of the choosing half, and its order."""
        pixels = list(self._space.pixel_readings())
        small = sorted(pixels, key=lambda each: -self._score(each, "small")[0])
        leading = [*dict.fromkeys([base, *small[:3]])]
        candidates = {each.but(**decoding) for each in leading for decoding in self._space.decodings()} | set(pixels)
        ranked = sorted(candidates, key=lambda each: (-self._score(each, "small")[0], distance(each, base)))
        finalists = [*dict.fromkeys([base, *ranked[:FINALISTS]])]
        best = max(finalists, key=lambda each: (self._score(each, "choose")[0], -distance(each, base)))
        return self._simplified(best, base)

    def _simplified(self, best: Reading, base: Reading) -> tuple[Reading, str]:
        """Every factor that makes no difference is put back, and so is the scale."""
        accuracy = self._score(best, "choose")[0]
        for factor in ("aspect", "filter", "alpha", "upright", "inverted", "channels", "scale"):
            simpler = (base.scale, *self._usual) if factor == "scale" else (getattr(base, factor),)
            for value in simpler:
                if getattr(best, factor) in simpler:
                    break
                other = best.but(**{factor: value})
                if self._score(other, "choose")[0] >= accuracy - TOLERANCE:
                    best = other
        return best, self._score(best, "choose")[1]

    def _named(self, top: Reading, order: str, places: Order, right: NDArray[np.bool_]) -> tuple[Named, ...]:
        """The factors of `top` that the confirming half shows to be no accident."""
        found = []
        accuracy = float(right.mean())
        for factor in (*FACTORS, "scale"):
            value = getattr(top, factor)
            if (factor != "scale" and value == getattr(DEFAULT, factor)) or (
                factor == "scale" and value in self._usual
            ):
                continue
            without, rivals = self._without(top, factor, places, right)
            if accuracy >= EXPLAINS[factor] and without is not None:
                found.append(Named(factor, value, rivals, without))
        if order != SORTED:
            plain = self._right(top, self._orders(top)[SORTED], "confirm")
            if (
                accuracy >= EXPLAINS["order"]
                and beats(right, plain, CERTAIN, GAIN)
                and self._each_class(top, places) >= 0.5
            ):
                found.append(Named("order", order, (), float(plain.mean())))
        return tuple(found)

    def _without(
        self, top: Reading, factor: str, places: Order, right: NDArray[np.bool_]
    ) -> tuple[float | None, tuple[Any, ...]]:
        """Accuracy with the factor as usual, None where that is not clearly worse; other values that do as well."""
        usual = self._usual if factor == "scale" else (getattr(DEFAULT, factor),)
        values = self._space.scales if factor == "scale" else self._space.values[factor]
        worst, rivals = 0.0, []
        for value in values:
            if value == getattr(top, factor):
                continue
            other = self._right(top.but(**{factor: value}), places, "confirm")
            if value in usual:
                worst = max(worst, float(other.mean()))
                if not beats(right, other, CERTAIN, GAIN):
                    return None, ()
            elif not beats(right, other, CLEAR, LEAD):
                rivals.append(value)
        return worst, tuple(rivals)

    def _each_class(self, reading: Reading, places: Order) -> float:
        """The lowest recall, over the whole sample, of the classes that the order moves."""
        moved = np.flatnonzero(places != np.arange(len(places)))
        labels = np.concatenate([self._labels["choose"], self._labels["confirm"]])
        predicted = np.concatenate([self._of(reading, "choose"), self._of(reading, "confirm")])
        recalls = [np.mean(predicted[labels == one] == places[one]) for one in moved if np.any(labels == one)]
        return float(min(recalls, default=0.0))

    def _at_chance(self, reading: Reading, places: Order) -> bool:
        """Whether even the best reading is no better than naming the largest class, or than chance."""
        labels = np.concatenate([self._labels["choose"], self._labels["confirm"]])
        predicted = np.concatenate([self._of(reading, "choose"), self._of(reading, "confirm")])
        counts = np.bincount(labels, minlength=self._classes)
        right = places[labels] == predicted
        low = wilson(float(right.mean()), len(right), float(stats.norm.ppf(0.975)))[0]
        recalls = [right[labels == one].mean() for one in np.flatnonzero(counts)]
        present = len(recalls)
        limit = 1 / present + NEAR_CHANCE * (1 - 1 / present)
        return low <= counts.max() / len(labels) or float(np.mean(recalls)) <= limit

    def _ranges(self, top: Reading, places: Order) -> tuple[Scale, ...]:
        """Plain scales that do as well as that of `top` on all that was tried: no image more in twenty, no test."""
        if top.scale not in PLAIN or len(self._usual) < 2:
            return ()
        parts: tuple[Part, ...] = ("choose", "confirm", "held")
        right = np.concatenate([self._right(top, places, part) for part in parts])
        found: list[Scale] = []
        for scale in PLAIN:
            if scale == top.scale or scale not in self._space.scales:
                continue
            other = np.concatenate([self._right(top.but(scale=scale), places, part) for part in parts])
            if abs(float(right.mean() - other.mean())) <= TOLERANCE or not beats(right, other, CLEAR, 0.0):
                found.append(scale)
        return tuple(found)

    def _score(self, reading: Reading, part: Part) -> tuple[float, str]:
        """(accuracy, order) of a reading on a part, in the order that fits; 0 where its outputs are not finite."""
        predicted = self._of(reading, part)
        if (predicted < 0).any():
            return 0.0, SORTED
        known = self._orders(reading) if part != "small" else dict(self._known)
        name, accuracy = orders.best(predicted, self._labels[part], known, ORDER_MARGIN)
        return accuracy, name

    def _orders(self, reading: Reading) -> dict[str, Order]:
        """The known orders, and the one that matches the predictions of the choosing half."""
        predicted = np.maximum(self._of(reading, "choose"), 0)
        return {**self._known, MATCHED: orders.matched(predicted, self._labels["choose"], self._classes)}

    def _right(self, reading: Reading, places: Order, part: Part) -> NDArray[np.bool_]:
        return places[self._labels[part]] == self._of(reading, part)

    def _of(self, reading: Reading, part: Part) -> Labels:
        """Predicted outputs of a part, -1 where they are not finite; each asked of the model once."""
        if (reading, part) not in self._predicted:
            found = self._evaluate(reading, part)
            finite = np.isfinite(found).all(axis=1)
            self._predicted[reading, part] = np.where(finite, np.nan_to_num(found).argmax(axis=1), -1)
        return self._predicted[reading, part]

    def _table(self, known: Mapping[str, Order]) -> tuple[Tried, ...]:
        """All that was tried, the best first."""
        rows = []
        for reading in dict.fromkeys(each for each, _ in self._predicted):
            asked = [part for part in ("choose", "confirm", "held") if (reading, part) in self._predicted]
            part: Part = "choose" if "choose" in asked else "small"
            chosen, order = self._score(reading, part)
            places = self._orders(reading)[order] if part == "choose" else known[SORTED]
            confirmed, held = (
                float(self._right(reading, places, each).mean())
                if each in asked and len(self._labels[each])
                else math.nan
                for each in ("confirm", "held")
            )
            rows.append(Tried(reading, order, chosen, confirmed, held))
        return tuple(sorted(rows, key=lambda row: (math.isnan(row.confirmed), -row.chosen)))


def beats(right: NDArray[np.bool_], other: NDArray[np.bool_], p: float, gain: float) -> bool:
    """Whether one reading is right on clearly more of the same images than another: sign test, and by `gain`."""
    won, lost = int(np.sum(right & ~other)), int(np.sum(other & ~right))
    if not won or (won - lost) < gain * len(right):
        return False
    return bool(stats.binomtest(won, won + lost, alternative="greater").pvalue < p)


def distance(reading: Reading, base: Reading) -> int:
    """How many factors differ."""
    return sum(getattr(reading, name) != getattr(base, name) for name in (*FACTORS, "scale"))

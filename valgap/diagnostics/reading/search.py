"""One test decides among all readings: chosen on one half of a sample of training images, confirmed on the other.

A reading is named only where it explains nearly all images of the second half and clearly beats the plain reading and
the next best. Near chance nothing is named. Networks with batch normalisation answer in training mode too: statistics
that lag look like another scale of pixels, so that no scale is named which batch statistics explain as well.
"""

import dataclasses
import math
from typing import Any

from valgap.diagnostics.reading.answers import Answers, Part, Right, beats
from valgap.diagnostics.reading.decision import Decision, Lag, Named, Tried
from valgap.diagnostics.reading.fingerprint import Fingerprint
from valgap.diagnostics.reading.likelihood import scale_of
from valgap.diagnostics.reading.orders import SORTED, Order
from valgap.diagnostics.reading.readings import DEFAULT, FACTORS, PLAIN, Reading, Scale, Space

CONVINCING = 0.95  # accuracy on training images from which on the plain reading is not doubted
FINALISTS = 6
TOLERANCE = 0.01  # of accuracy: by less a simpler reading does as well
CERTAIN = 1e-3  # p value of the paired sign test against the plain reading
CLEAR = 0.01  # p value against the next best
GAIN = 0.05  # of accuracy that a reading must add to be named
LEAD = 0.02  # over the next best
EXPLAINS = {"order": 0.8, "channels": 0.8, "inverted": 0.8, "scale": 0.8, "upright": 0.7, "alpha": 0.7}  # accuracy
EXPLAINS |= {"filter": 0.5, "aspect": 0.5}  # blurs and cuts: what training saw is only ever met by half


@dataclasses.dataclass(frozen=True)
class Search:
    """The search on one sample.

    `usual` are the scales that are no news: of files plain ranges, of an object what it feeds. `training` answers in
    training mode, None for networks without batch normalisation; `fingerprint` is what that remembers of training.
    """

    inference: Answers
    training: Answers | None
    space: Space
    usual: tuple[Scale, ...] = PLAIN
    fingerprint: Fingerprint | None = None

    def decide(self, base: Reading) -> Decision:
        """What training read, against `base`, the plain reading with the scale that fits it best."""
        accuracy, order = self.inference.score(base, "choose")
        top = base
        if accuracy < CONVINCING or order != SORTED:
            top, order = self._best(base)
        first = self.inference.right(top, self.inference.orders(top)[order], "confirm")
        top, lags, unsure = self._in_training_mode(top, base, first)
        top = top if lags else self._plain_where_it_may_be(top, order)
        answers = self.inference
        if lags and self.training is not None:
            answers, order = self.training, SORTED
        places = answers.orders(top)
        right = answers.right(top, places[order], "confirm")
        usual = self.inference.known[SORTED]
        plain = self.inference.right(base, usual, "confirm")
        lag = Lag(float(right.mean()), float(self.inference.right(top, usual, "confirm").mean())) if lags else None
        named = self._named(answers, top, order, unsure)
        at_chance = answers.at_chance(top, places[order])
        sure = beats(right, plain, CERTAIN, GAIN)
        if at_chance or not (named or sure or lag):
            top, order, named = base, SORTED, ()
        if order != SORTED and "order" not in [each.factor for each in named]:
            order = SORTED
        if self.training is None and self.usual == PLAIN and not at_chance and top.scale in PLAIN:
            better = scale_of(self.inference, top, places[order], self.space)
            if better is not None:
                top, named = better[0], (*(each for each in named if each.factor != "channels"), better[1])
                right = self.inference.right(top, places[order], "confirm")
        return Decision(
            reading=top,
            order=places[order],
            order_name=order,
            named=named,
            lag=lag,
            plain=float(plain.mean()),
            best=float(right.mean()),
            better=sure and not named and not at_chance and not lag,
            at_chance=at_chance,
            ranges=self._ranges(answers, top, places[order]),
            tried=tuple(self._table()),
            images=len(right),
        )

    def _best(self, base: Reading) -> tuple[Reading, str]:
        """The simplest of the best readings of the choosing half, and its order."""
        score = self.inference.score
        pixels = list(self.space.pixel_readings())
        small = sorted(pixels, key=lambda each: -score(each, "small")[0])
        leading = [*dict.fromkeys([base, *small[:3]])]
        tried = {each.but(**decoding) for each in leading for decoding in self.space.decodings()} | set(pixels)
        ranked = sorted(tried, key=lambda each: (-score(each, "small")[0], distance(each, base), repr(each)))
        finalists = [*dict.fromkeys([base, *ranked[:FINALISTS]])]
        best = max(finalists, key=lambda each: (score(each, "choose")[0], -distance(each, base)))
        return self._simplified(best, base)

    def _simplified(self, best: Reading, base: Reading) -> tuple[Reading, str]:
        """Every factor that makes no difference is put back, and so is the scale."""
        accuracy = self.inference.score(best, "choose")[0]
        for factor in ("aspect", "filter", "alpha", "upright", "inverted", "channels", "scale"):
            simpler = (base.scale, *self.usual) if factor == "scale" else (getattr(base, factor),)
            for value in simpler:
                if getattr(best, factor) in simpler:
                    break
                other = best.but(**{factor: value})
                if self.inference.score(other, "choose")[0] >= accuracy - TOLERANCE:
                    best = other
        return best, self.inference.score(best, "choose")[1]

    def _in_training_mode(self, top: Reading, base: Reading, right: Right) -> tuple[Reading, bool, bool]:
        """(reading, whether batch statistics explain more than it does, whether they explain as much).

        The reading is `top`; the one that the fingerprint tells, where that explains as much in training mode; or the
        plain one that explains more.
        """
        if self.training is None or (right.mean() >= CONVINCING and top.scale in self.usual):
            return top, False, False
        usual = self.training.known[SORTED]
        if self.fingerprint is not None:
            told = self.fingerprint.simplest()
            told = top.but(scale=told.scale, channels=told.channels, inverted=told.inverted)
            seen = self.training.right(told, usual, "confirm")
            if seen.mean() >= right.mean() - GAIN:
                return told, beats(seen, self.inference.right(told, usual, "confirm"), CLEAR, GAIN), False
        plain = [top.but(scale=scale) for scale in dict.fromkeys([*self.usual, base.scale])]
        scores = {each: self.training.score(each, "choose")[0] for each in plain}
        best = next(each for each in plain if scores[each] >= max(scores.values()) - TOLERANCE)
        seen = self.training.right(best, usual, "confirm")
        if beats(seen, right, CLEAR, GAIN):
            return best, True, False
        return top, False, top.scale not in self.usual and not beats(right, seen, CLEAR, LEAD)

    def _plain_where_it_may_be(self, top: Reading, order: str) -> Reading:
        """The reading with the plain scale that fits it best, unless batch statistics or certainty say another."""
        told = self.fingerprint is not None and self.fingerprint.simplest().scale == top.scale
        places = self.inference.orders(top)[order]
        if told or top.scale in self.usual or self._without(self.inference, top, "scale", places)[0] is not None:
            return top
        plain = [top.but(scale=scale) for scale in self.usual]
        return min(plain, key=lambda each: float(self.inference.nll(each, "choose", places).mean()))

    def _named(self, answers: Answers, top: Reading, order: str, unsure: bool) -> tuple[Named, ...]:
        """The factors of `top` that the confirming half shows to be no accident; no scale where one is `unsure`."""
        found = []
        places = answers.orders(top)[order]
        right = answers.right(top, places, "confirm")
        accuracy = float(right.mean())
        for factor in (*FACTORS, "scale"):
            value = getattr(top, factor)
            if value in self._usual_values(factor) or (factor == "scale" and unsure):
                continue
            without, rivals = self._without(answers, top, factor, places)
            if self.fingerprint is not None and self.fingerprint.simplest().scale == top.scale and factor == "scale":
                rivals = tuple(sorted({each.scale for each in self.fingerprint.readings} - {top.scale}))
            if accuracy >= EXPLAINS[factor] and without is not None:
                found.append(Named(factor, value, rivals, without))
        if order != SORTED and accuracy >= EXPLAINS["order"]:
            plain = answers.right(top, answers.known[SORTED], "confirm")
            if beats(right, plain, CERTAIN, GAIN) and answers.lowest_recall(top, places) >= 0.5:
                found.append(Named("order", order, (), float(plain.mean())))
        return tuple(found)

    def _without(
        self, answers: Answers, top: Reading, factor: str, places: Order
    ) -> tuple[float | None, tuple[Any, ...]]:
        """Accuracy with the factor as usual, None where that is not clearly worse; other values that do as well."""
        right = answers.right(top, places, "confirm")
        values = self.space.scales if factor == "scale" else self.space.values[factor]
        worst, rivals = 0.0, []
        for value in values:
            if value == getattr(top, factor):
                continue
            other = answers.right(top.but(**{factor: value}), places, "confirm")
            if value in self._usual_values(factor):
                worst = max(worst, float(other.mean()))
                if not beats(right, other, CERTAIN, GAIN):
                    return None, ()
            elif not beats(right, other, CLEAR, LEAD):
                rivals.append(value)
        return worst, tuple(rivals)

    def _usual_values(self, factor: str) -> tuple[Any, ...]:
        return self.usual if factor == "scale" else (getattr(DEFAULT, factor),)

    def _ranges(self, answers: Answers, top: Reading, places: Order) -> tuple[Scale, ...]:
        """Usual scales that do as well as that of `top` on training images, to a point or by a sign test."""
        if top.scale not in self.usual or len(self.usual) < 2:
            return ()
        right = answers.right(top, places, "confirm")
        others = {
            scale: answers.right(top.but(scale=scale), places, "confirm") for scale in self.usual if scale != top.scale
        }
        return tuple(scale for scale, other in others.items() if not beats(right, other, CLEAR, TOLERANCE))

    def _table(self) -> list[Tried]:
        """All that was tried in inference mode, the best first."""
        rows = []
        for reading, asked in self.inference.asked():
            first: Part = "choose" if "choose" in asked else "small"
            chosen, order = self.inference.score(reading, first)
            known = self.inference.orders(reading) if first == "choose" else self.inference.known
            later = {
                part: float(self.inference.right(reading, known[order], part).mean())
                for part in asked
                if part in ("confirm", "held") and len(self.inference.labels[part])
            }
            rows.append(Tried(reading, order, chosen, later.get("confirm", math.nan), later.get("held", math.nan)))
        return sorted(rows, key=lambda row: (math.isnan(row.confirmed), -row.chosen))


def distance(reading: Reading, base: Reading) -> int:
    """How many factors differ."""
    return sum(getattr(reading, name) != getattr(base, name) for name in (*FACTORS, "scale"))

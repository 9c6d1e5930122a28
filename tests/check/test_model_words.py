"""The words of the model's findings fit the evidence of their rules, and each has a page."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import yaml

from tests.scratch import ROOT
from valgap.diagnostics.model import normalisation
from valgap.diagnostics.model.divided import divided_twice
from valgap.diagnostics.model.initial import Layer, initial_weights
from valgap.diagnostics.model.inside import Inside
from valgap.diagnostics.model.losses import Last, misleading_metric, mismatched
from valgap.diagnostics.model.modes import Statistics
from valgap.diagnostics.model.steadiness import unsteady
from valgap.diagnostics.model.units import Firing, dead_units, one_class
from valgap.diagnostics.seen import Seen
from valgap.document.prose import Prose

WORDS = ROOT / "valgap/check/faults/model.yaml"
CODES = [*yaml.safe_load(WORDS.read_text())]
PARTS = ["title", "found", "effect", "cure"]


def right(share: float) -> Any:
    return np.arange(400) < round(400 * share)


def seen() -> Iterator[Seen | None]:
    zeros, ones = np.zeros(3), np.ones(3)
    stats = [Statistics(name, 2 * ones, ones, zeros, ones, False) for name in ("bn_1", "bn_2")]
    for again, frozen in ((None, []), (0.98, []), (0.98, ["conv"]), (None, ["conv", "conv_2"])):
        yield normalisation.lagging(right(0.99), right(0.53), stats, again, frozen)
    yield normalisation.batch_decides(0.3, 100, ["bn_1"])
    for second in (np.arange(300) % 3, np.zeros(300, np.int64)):
        for layer in ("lambda`2", None):
            yield unsteady(np.zeros(300, np.int64), second, layer)
            yield unsteady(np.zeros(300, np.int64), second, layer, as_read=False)
    first, last = Layer("conv`2d", True, True, 90, True), Layer("dense", False, False, 30, True)
    for layers in ([first, first], [last, first], [dataclasses.replace(first, trainable=False)] * 7 + [last]):
        yield initial_weights(layers)
    losses = ["sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error"]
    for activation in ("softmax", "sigmoid", "linear", "relu"):
        for units in (1, 5):
            for loss in losses:
                for from_logits in (False, True):
                    yield mismatched(Last(activation, units), loss, from_logits)
    yield misleading_metric(Last("softmax", 10), ("binary_accuracy",), losses[1], 10)
    yield misleading_metric(Last("softmax", 10), ("Accuracy",), losses[0], 10)
    yield misleading_metric(Last("sigmoid", 1), ("Accuracy",), losses[1], 2)
    yield dead_units([Firing("relu", 8, 8), Firing("relu_1", 8, 8)], 200)
    yield dead_units([Firing("relu", 16, 14)], 200)
    yield one_class(np.zeros(300, np.int64), np.arange(300) % 3, ("ant", "bee", "cat"))
    inside = Inside(1 / 255, 0.0, "rescaling", "Rescaling")
    yield divided_twice(inside, right(0.6), right(0.2))
    yield divided_twice(inside, right(0.2), right(0.9), "0-1")
    yield divided_twice(inside, right(0.2), right(0.2), "0-1")
    of = {"layer": "conv", "weight": "kernel", "count": 3, "of": 90}
    yield Seen("VG207", "problem", of | {"what": "weights"})
    yield Seen("VG207", "problem", of | {"what": "outputs"})


FOUND = [each for each in seen() if each is not None]


def test_every_code_is_seen_and_has_a_page() -> None:
    assert {each.code for each in FOUND} == set(CODES)
    for code in CODES:
        lines = (ROOT / "docs/findings" / f"{code}.md").read_text().splitlines()
        assert lines[0].startswith(f"# {code} ")
        assert len(lines) < 30
        assert any(f"--mute {code}" in line for line in lines)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.code)
def test_words_fit_the_evidence(found: Seen) -> None:
    prose = Prose(WORDS)
    for part in PARTS:
        text = prose(f"{found.code}.{part}", **found.evidence)
        assert text.strip(), part
        assert "  " not in text.strip(), text
        assert "None" not in text.replace("None of the", ""), text
        assert "{" not in text, text
        assert text.count("`") % 2 == 0, text
    assert not prose(f"{found.code}.title", **found.evidence).endswith(".")

"""The card of an exported model, from a content made by hand."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from tests.scratch import ROOT
from valgap.data.prepared import Manifest, Part
from valgap.export import card, command
from valgap.ground import paths
from valgap.ground.params import suite
from valgap.ground.params.recipe import Schedule
from valgap.results.provenance import Provenance, VariantRecord

HOSTILE = "<script>|`x`\n[a](b)"


def manifest(names: tuple[str, ...]) -> Manifest:
    part = Part(5, dict.fromkeys(names, 2))
    return Manifest(
        image_shape=(8, 8, 1),
        class_names=names,
        parts={"pool": part, "test": part},
        scheme="holdout",
        given_validation=False,
        groups=None,
        train_size=3,
        max_train_size=3,
        val_size=2,
        test_size=6,
        resplit_train_size=None,
        whole_pool=True,
        class_sizes=(2,) * len(names),
        not_used=0,
        dropped=1,
        dropped_files=(),
        source_sha256={HOSTILE: "ab"},
    )


def content(names: tuple[str, ...], **changes: Any) -> card.Content:
    """The baseline of params.yaml with two runs, of recall 0.5 and 0.75, and a model that is always right."""
    params = suite.load(ROOT / "params.yaml")
    record = VariantRecord({}, 2, 3, 960, 9, 1, (30,), {}, ())
    rows = [
        ("baseline", split, metric, 2, mean, mean - 0.1, mean + 0.1)
        for split, metric, mean in (
            ("test", "accuracy", 0.625), ("test", "nll", 0.5), ("val", "accuracy", 0.6),
            *((f"val_under_{name}", "accuracy", 0.5) for name in params.train.evaluation_policies),
        )
    ]  # fmt: skip
    classes = [("baseline", row, "test", name, 2, 0.5 + row / 4) for row in range(2) for name in names]
    labels = np.arange(6) % len(names)
    settings, stop = command.chosen(params.train, [30])
    filled: dict[str, Any] = {
        "variant": "baseline",
        "params": params,
        "settings": settings,
        "stop": stop,
        "provenance": Provenance(1, manifest(names), {}, 0, {}, {"baseline": record}, {}),
        "sizes": (3, 2),
        "probabilities": np.eye(len(names), dtype=np.float32)[labels],
        "labels": labels,
        "groups": None,
        "parameters": 9,
        "own_classes": (),
        "environment": {"python": "3"},
        "summary": pd.DataFrame(rows, columns=["variant", "split", "metric", "n", "mean", "low", "high"]),
        "classes": pd.DataFrame(classes, columns=["variant", "replicate", "split", "class", "images", "recall"]),
    }
    return card.Content(**filled | changes)


def test_card_holds_no_markup_of_the_users() -> None:
    text = card.text(content((HOSTILE, "b", "c")))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5, 4}
    outside = text.replace("```", "").split("`")[::2]
    assert not any("<script>" in part for part in outside)
    assert "<a " not in MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "| 62.5 (50.0 to 75.0) |" in text


def test_card_says_what_to_expect() -> None:
    text = card.text(content(("a", "b", "c")))
    assert "**Test accuracy 62.5% (52.5 to 72.5), 95% interval, NLL 0.500 nats.**" in text
    assert "the mean of 2 runs of this variant" in text
    assert "This model itself is right on 100.0% (61.0 to 100.0) of 6 test images" in text
    assert "One run on 5 images, 3 of a training and 2 of a validation list" in text
    assert "1 file could not be used" in text
    bare = content(("a", "b", "c"), summary=content(("a",)).summary.iloc[:0])
    assert "Test accuracy" not in card.text(bare)


def test_card_says_what_must_be_imported_and_what_groups_cost() -> None:
    own = content(("a", "b", "c"), own_classes=("own>Layer",), groups=np.array([0, 0, 0, 1, 1, 1]))
    model = dataclasses.replace(own.params.model, builder="mine.nets:build")
    text = card.text(dataclasses.replace(own, params=dataclasses.replace(own.params, model=model)))
    assert "import mine.nets  # registers own>Layer" in text
    assert "95% over groups of images" in text
    plain = card.text(content(("a", "b", "c")))
    assert "import keras\nmodel = " in plain
    assert "95% over images" in plain


def test_card_tells_what_warps_did_to_the_runs() -> None:
    known = content(("a", "b", "c"))
    assert "validation accuracy 60.0% as the images are; under the warps `source` 50.0%" in card.text(known)
    bare = dataclasses.replace(known.params.train, evaluation_policies={})
    params = dataclasses.replace(known.params, variants={"baseline": bare})
    assert "warps" not in card.text(dataclasses.replace(known, params=params))


def test_class_names_that_look_like_numbers_keep_their_recalls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("01", "1", "NA", "True")
    made = content(names)
    monkeypatch.chdir(tmp_path)
    paths.CLASSES.parent.mkdir(parents=True)
    made.classes.to_csv(paths.CLASSES, index=False)
    made.summary.assign(covers="").to_csv(paths.SUMMARY, index=False)
    text = card.text(dataclasses.replace(made, **command.tables()))
    for name in names:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{name}` | ") and "(" in line)
        assert row.endswith("| 62.5 (50.0 to 75.0) |"), name


def test_card_says_where_a_schedule_was_left() -> None:
    whole = content(("a", "b", "c"))
    cosine = dataclasses.replace(whole.params.train, schedule=Schedule("cosine"), early_stopping=True)
    settings, stop = command.chosen(cosine, [5, 10, 30])
    params = dataclasses.replace(whole.params, variants=whole.params.variants | {"baseline": cosine})
    text = card.text(dataclasses.replace(whole, params=params, settings=settings, stop=stop))
    assert f"for the first 10 optimizer steps of a schedule over {cosine.steps}, the median of the steps" in text
    assert "schedule" not in card.text(whole).partition("```yaml")[0]

"""The text of an exported model's card: what it was trained on, what to expect of it, what it was not tested on.

A pure function of its content; the same content gives the same bytes. The texts are in card.yaml.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from valgap.document import markdown
from valgap.document.numbers import COUNT, SHARE, UNKNOWN
from valgap.document.parts import Code, Document, Item, Items, Part, Section, Table
from valgap.document.prose import Prose
from valgap.document.text import Strong, named
from valgap.ground.params.experiment import Train, settings_as_dict
from valgap.ground.params.suite import Suite
from valgap.results.provenance import Provenance
from valgap.results.summary import Cell, cell
from valgap.stats.shares import share

say = Prose(Path(__file__).with_name("card.yaml"))


@dataclasses.dataclass(frozen=True)
class Content:
    """All that the card speaks of.

    `settings` are those of this run, which took the first `stop` of their steps; `sizes` its images from the training
    and from the validation list; `probabilities` (n, classes) float32 and `labels` (n,) those of the test images, of
    which this model has seen none; `groups` (n,) theirs, None where unknown. `provenance`, `summary` and `classes` are
    files of reports/.
    """

    variant: str
    params: Suite
    settings: Train
    stop: int
    provenance: Provenance
    summary: pd.DataFrame
    classes: pd.DataFrame
    sizes: tuple[int, int]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    parameters: int
    own_classes: tuple[str, ...]
    environment: dict[str, str]


def text(content: Content) -> str:
    """The card, in Markdown."""
    return markdown.write(document(content))


def document(content: Content) -> Document:
    """The card."""
    sections = (use, expected, recalls, not_tested, training, data, versions)
    return Document(
        title=say("title", variant=content.variant),
        kicker="",
        lead=(),
        sections=tuple(Section(each.__name__, say(f"{each.__name__}.title"), each(content)) for each in sections),
    )


def use(content: Content) -> tuple[Part, ...]:
    """What goes in, what comes out."""
    shape, names = content.provenance.data.image_shape, content.provenance.data.class_names
    module = content.params.model.builder.partition(":")[0]
    code = say("use.code", own_classes=content.own_classes, module=module, names=names)
    kind = say("kind.grey" if shape[2] == 1 else "kind.rgb")
    return Code(code, "python"), say("use.text", shape=shape, kind=kind, names=names, parameters=content.parameters)


def expected(content: Content) -> tuple[Part, ...]:
    """Accuracy of the variant's runs, and of this model."""
    found = {name: cell(content.summary, content.variant, "test", name) for name in ("accuracy", "nll", "ece")}
    parts: list[Part] = []
    if accuracy := found["accuracy"]:
        parts = [Strong(say("expected.accuracy", **found)), say("expected.runs", runs=accuracy.n)]
    right = content.probabilities.argmax(axis=1) == content.labels
    own = share(right, content.groups)
    return *parts, say("expected.own", own=own, groups=content.groups is not None)


def recalls(content: Content) -> tuple[Part, ...]:
    """Recall of each class: the runs' mean, lowest and highest, and this model's."""
    test = content.classes[(content.classes.variant == content.variant) & (content.classes.split == "test")]
    rows = []
    for label, name in enumerate(content.provenance.data.class_names):
        members = content.labels == label
        of_runs = test.recall[test["class"] == name].dropna()
        rows.append((named(name), COUNT(members.sum()), _own_recall(content, label, members), _recall(of_runs)))
    headings = tuple(say.all("recalls.headings").values())
    return (Table(say("recalls.caption"), headings, tuple(rows), folded=False),)


def _own_recall(content: Content, label: int, members: NDArray[np.bool_]) -> str:
    if not members.any():
        return UNKNOWN
    right = content.probabilities[members].argmax(axis=1) == label
    return SHARE.estimate(share(right, None if content.groups is None else content.groups[members]))


def _recall(of_runs: "pd.Series[float]") -> str:
    if of_runs.empty:
        return UNKNOWN
    return SHARE.estimate(Cell(len(of_runs), of_runs.mean(), of_runs.min(), of_runs.max()))


def not_tested(content: Content) -> tuple[Part, ...]:
    """What nobody knows of it, and what little is known of warped images."""
    return (Items(tuple(Item(line) for line in (warped(content), *say.all("not_tested.never").values()) if line)),)


def warped(content: Content) -> str:
    """Accuracy of the runs on warped validation images, where that was measured."""
    found = {
        name: cell(content.summary, content.variant, f"val_under_{name}", "accuracy")
        for name in content.params.variants[content.variant].evaluation_policies
    }
    known = {name: each for name, each in found.items() if each}
    plain = cell(content.summary, content.variant, "val", "accuracy")
    return say("not_tested.warped", plain=plain, warps=known) if known and plain else ""


def training(content: Content) -> tuple[Part, ...]:
    """The settings of this run, as the lines of params.yaml that they come from, and its images."""
    variant, settings = content.params.variants[content.variant], content.settings
    selected = content.provenance.variants[content.variant].selected_steps
    params = {
        "model": dataclasses.asdict(content.params.model),
        "train": settings_as_dict(settings) | {"curve_points": variant.curve_points},
    }
    del params["train"]["evaluation_policies"]
    dumped = yaml.safe_dump(json.loads(json.dumps(params)), sort_keys=False, default_flow_style=None, width=100)
    told = say(
        "training.text",
        sizes=content.sizes,
        steps=content.stop,
        schedule=settings.steps,
        stopped=len(selected) if variant.early_stopping else 0,
        seed=content.params.split.seed,
        diff=json.dumps(content.params.diffs[content.variant]),
    )
    return told, Code(dumped, "yaml")


def data(content: Content) -> tuple[Part, ...]:
    """Where the images come from and what was done to them."""
    manifest, params = content.provenance.data, content.params.data
    told = say(
        "data.text",
        source=params.source,
        path=params.path,
        height=manifest.image_shape[0],
        width=manifest.image_shape[1],
        resized=params.image_size is not None,
        resize=params.resize,
        parts=manifest.parts,
        dropped=manifest.dropped,
    )
    sources = [Item(say("data.source", name=name, sha256=value)) for name, value in manifest.source_sha256.items()]
    rows = tuple(
        (named(name), *(COUNT(part.per_class[name]) for part in manifest.parts.values()))
        for name in manifest.class_names
    )
    return (
        told,
        Items(tuple(sources)),
        Table(say("data.caption"), (say("data.heading"), *manifest.parts), rows, folded=False),
    )


def versions(content: Content) -> tuple[Part, ...]:
    """What it was made with."""
    return (say("versions.text", environment=content.environment),)

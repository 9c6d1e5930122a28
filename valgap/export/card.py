"""The text of an exported model's card: what it was trained on, what to expect of it, what it was not tested on.

A pure function of its content; the same content gives the same bytes.
"""

import dataclasses
import json

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from valgap.document.markdown import code, markdown
from valgap.document.numbers import percent, shares
from valgap.ground.params.experiment import Train, settings_as_dict
from valgap.ground.params.suite import Suite
from valgap.results.provenance import Provenance
from valgap.results.summary import Cell, cell
from valgap.stats.shares import share

KINDS = {1: "grey", 3: "RGB"}
NOT_TESTED = (
    "Images of another origin: other cameras, sites, people, seasons or ways of preparing them. The test images come "
    "from the same source as the training images.",
    "Images of none of these classes: it always names one of them, often with confidence.",
    "Images changed in other ways: noise, blur, compression, rotation, other brightness.",
    "Images made to deceive it.",
)


@dataclasses.dataclass(frozen=True)
class Content:
    """All that the card speaks of.

    `settings` are those of this run, `sizes` its images from the training and from the validation list,
    `probabilities` (n, classes) float32 and `labels` (n,) those of the test images, of which this model has seen none;
    `groups` (n,) theirs, None where unknown. `provenance`, `summary` and `classes` are files of reports/.
    """

    variant: str
    params: Suite
    settings: Train
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
    sections = (
        ("Use", use(content)),
        ("What to expect", expected(content)),
        ("Class by class", recalls(content)),
        ("Not tested", "\n".join(f"- {line}" for line in (warped(content), *NOT_TESTED) if line)),
        ("Training", training(content)),
        ("Data", data(content)),
        ("Versions", ", ".join(f"{name} {value}" for name, value in content.environment.items()) + "."),
    )
    return (
        "\n\n".join([f"# Model {code(content.variant)}", *(f"## {title}\n\n{body}" for title, body in sections)]) + "\n"
    )


def use(content: Content) -> str:
    """What goes in, what comes out."""
    height, width, channels = content.provenance.data.image_shape
    names = content.provenance.data.class_names
    first = ""
    if content.own_classes:
        module = content.params.model.builder.partition(":")[0]
        first = f"import {module}  # registers {', '.join(content.own_classes)}\n"
    return (
        f"```python\nimport keras\n{first}model = keras.saving.load_model('model.keras')\n"
        f"probabilities = model.predict(images)  # (n, {len(names)}), rows sum to 1\n```\n\n"
        f"`images` is (n, {height}, {width}, {channels}), {KINDS[channels]}, uint8 or float, with values in [0, 255]; "
        "the model scales them itself. Probabilities stand in this order of classes: "
        f"{', '.join(f'{place} {code(name)}' for place, name in enumerate(names))}. It is not compiled and holds no "
        f"optimizer; {content.parameters:,} parameters."
    )


def expected(content: Content) -> str:
    """Accuracy of the variant's runs, and of this model."""
    found = {name: cell(content.summary, content.variant, "test", name) for name in ("accuracy", "nll", "ece")}
    lines = []
    if accuracy := found["accuracy"]:
        others = "".join(
            f", {title} {scale * each.mean:.{digits}f}{unit}"
            for title, name, scale, digits, unit in (("NLL", "nll", 1, 3, " nats"), ("ECE", "ece", 100, 1, "%"))
            if (each := found[name])
        )
        lines.append(
            f"Test accuracy **{limits(accuracy)}**, 95% interval{others}: the mean of {int(accuracy.n)} runs of this "
            "variant, which were trained on the training part only. This model is one run, on training plus validation "
            "images: more images may make it a little better, and a single run can be worse than the mean."
        )
    right = content.probabilities.argmax(axis=1) == content.labels
    own = share(right, content.groups)
    over = "images" if content.groups is None else "groups of images"
    lines.append(
        f"This model itself is right on {shares(own, '%')} of {own.images:,} test images, which no training and no "
        f"choice of steps has touched (95% over {over})."
    )
    return "\n\n".join(lines)


def limits(found: Cell) -> str:
    """`82.8% (81.6 to 84.1)`; without the interval where it is unknown."""
    if np.isnan(found.low):
        return percent(found.mean)
    return f"{percent(found.mean)} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def recalls(content: Content) -> str:
    """Recall of each class: the runs' mean, lowest and highest, and this model's."""
    test = content.classes[(content.classes.variant == content.variant) & (content.classes.split == "test")]
    rows = []
    for label, name in enumerate(content.provenance.data.class_names):
        of_class = test[test["class"] == name]
        members = content.labels == label
        own = "n/a"
        if members.any():
            right = content.probabilities[members].argmax(axis=1) == label
            own = shares(share(right, None if content.groups is None else content.groups[members]))
        runs = "n/a"
        if of_class.recall.notna().any():
            mean, low, high = (100 * of_class.recall.agg(["mean", "min", "max"])).tolist()
            runs = f"{mean:.1f} ({low:.1f} to {high:.1f})"
        rows.append([code(name), f"{members.sum():,}", own, runs])
    headings = ["class", "test images", "recall % (95% interval)", "recall % of the runs (lowest to highest)"]
    return markdown(headings, rows)


def warped(content: Content) -> str:
    """Accuracy of the runs on warped validation images, where that was measured."""
    found = {
        name: cell(content.summary, content.variant, f"val_under_{name}", "accuracy")
        for name in content.params.variants[content.variant].evaluation_policies
    }
    known = ", ".join(f"{code(name)} {percent(each.mean)}" for name, each in found.items() if each)
    plain = cell(content.summary, content.variant, "val", "accuracy")
    if not known or not plain:
        return ""
    as_they_are = f"validation accuracy {percent(plain.mean)} as the images are"
    return f"Of warped images only this is known, and of the runs: {as_they_are}; under the warps {known}."


def training(content: Content) -> str:
    """The settings of this run, as the lines of params.yaml that they come from, and its images."""
    variant, settings = content.params.variants[content.variant], content.settings
    steps = f"{settings.steps:,} optimizer steps"
    if variant.early_stopping:
        selected = content.provenance.variants[content.variant].selected_steps
        steps += (
            f", the median of the steps at which early stopping restored the weights of {len(selected)} runs; none here"
        )
    params = {
        "model": dataclasses.asdict(content.params.model),
        "train": settings_as_dict(settings) | {"curve_points": variant.curve_points},
    }
    del params["train"]["evaluation_policies"]
    diff = json.dumps(content.params.diffs[content.variant])
    dumped = yaml.safe_dump(json.loads(json.dumps(params)), sort_keys=False, default_flow_style=None, width=100)
    return (
        f"One run on {sum(content.sizes):,} images, {content.sizes[0]:,} of a training and {content.sizes[1]:,} of a "
        f"validation list, for {steps}. Seed {content.params.split.seed}. As a diff from the baseline: "
        f"{code(diff, 400)}. As used:\n\n```yaml\n{dumped}```"
    )


def data(content: Content) -> str:
    """Where the images come from and what was done to them."""
    manifest, params = content.provenance.data, content.params.data
    height, width, _ = manifest.image_shape
    parts = ", ".join(f"{part.images:,} {name}" for name, part in manifest.parts.items())
    counts = [
        [code(name), *(f"{part.per_class[name]:,}" for part in manifest.parts.values())]
        for name in manifest.class_names
    ]
    sized = "as they were" if params.image_size is None else f"where others, resized by the rule {code(params.resize)}"
    sources = "\n".join(f"- {code(name, 200)}: sha256 `{value}`" for name, value in manifest.source_sha256.items())
    return (
        f"Source {code(params.source)} ({code(params.path, 200)}), {height} × {width} pixels, {sized}. "
        f"Images: {parts}; {manifest.dropped:,} files were unusable.\n\n{sources}\n\n"
        f"{markdown(['class', *manifest.parts], counts)}"
    )

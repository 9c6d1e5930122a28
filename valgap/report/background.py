"""Sections on what is behind the numbers: the data, how it was made, the method."""

from typing import Any

from valgap.document.numbers import COUNT, UNKNOWN, text_of
from valgap.document.parts import Section, Table, Terms
from valgap.document.text import named, plain
from valgap.report.inputs import Inputs
from valgap.report.words import paragraphs, say, sentence
from valgap.results.provenance import Provenance, VariantRecord
from valgap.results.summary import BASELINE, describe

PARTS = {"pool": "pool", "train": "given training", "val": "given validation", "test": "test"}
TEST = {"holdout": "the same for all", "kfold": "one fold, by turns"}
LONGEST = 400  # characters of a setting


def data(inputs: Inputs) -> Section:
    """How the images' folder was read, counts by class, sizes of the splits, and what was dropped and why."""
    found = inputs.provenance.data
    parts = {PARTS[name]: part for name, part in found.parts.items()}
    whence = "given by the source" if found.given_validation else "drawn from the pool, first"
    sizes = (
        ("training images of a replicate", "drawn, stratified, by whole groups", COUNT(found.train_size)),
        ("validation images of a replicate", whence, COUNT(found.val_size)),
        ("test images of a replicate", TEST[found.scheme], COUNT(found.test_size)),
        *((f"{name} images", "in all", COUNT(part.images)) for name, part in parts.items()),
        ("images of no split", "not asked for by split's sizes", COUNT(found.not_used)),
        ("files dropped", "unreadable; the audit names them", COUNT(found.dropped)),
        ("groups", "never on both sides of a drawn split", COUNT(found.groups)),
        ("pixels of an image", "height, width, channels", " × ".join(map(str, found.image_shape))),
    )
    counts = ((plain(name), *(COUNT(part.per_class[name]) for part in parts.values())) for name in found.class_names)
    tables = (
        Table("Sizes.", ("what", "remark", "images"), sizes, 2),
        Table("Images of each class.", ("class", *parts), tuple(counts)),
    )
    return Section("data", "The data", (*(found.said or ()), sentence("data", scheme=found.scheme), *tables))


def making(inputs: Inputs) -> Section:
    """What each variant is, and on what everything was made: no commit and no time, which would change the bytes."""
    found = inputs.provenance
    rows = tuple(_variant(name, variant) for name, variant in found.variants.items())
    headings = ("variant", "what it changes", "replicates", "training images", "steps", "parameters", "weights of step")
    settings = tuple(setting for name, value in found.train.items() for setting in _settings(name, value))
    untrained = tuple((named(name), plain(describe(diff), LONGEST)) for name, diff in found.not_trained.items())
    sources = tuple((named(name), digest) for name, digest in found.data.source_sha256.items())
    tables = (
        Table(sentence("variants_table"), headings, rows, 2),
        Table(sentence("settings_table"), ("setting", "value"), settings, 2),
        Table(sentence("untrained_table"), ("variant", "what it would change"), untrained, 2),
        Table(sentence("sources_table"), ("file", "sha256"), sources, 2),
    )
    said = paragraphs("making", train=found.train, seed=found.seed, made=_environments(found))
    return Section("making", "How it was made", (*said, *(table for table in tables if table.rows)))


def _settings(name: str, value: Any) -> list[tuple[str, str]]:
    """Rows of one setting; a mapping of mappings, as evaluation_policies is, has one for each."""
    if isinstance(value, dict) and value and all(isinstance(inner, dict) for inner in value.values()):
        return [row for key, inner in value.items() for row in _settings(f"{name}.{key}", inner)]
    return [(plain(name), plain(describe({name: value}).partition(": ")[2], LONGEST) or "none")]


def _variant(name: str, variant: VariantRecord) -> tuple[str, ...]:
    steps = variant.selected_steps
    taken = UNKNOWN if not steps else COUNT(min(steps))
    if steps and max(steps) > min(steps):
        taken += f" to {COUNT(max(steps))}"
    change = describe(variant.diff) if name != BASELINE or variant.diff else "nothing: it is the baseline"
    numbers = map(COUNT, (variant.replicates, variant.train_images, variant.steps, variant.parameters))
    return (named(name), plain(change, LONGEST), *numbers, taken)


def _environments(provenance: Provenance) -> list[tuple[str, list[str]]]:
    """Each environment in words, with the variants made in it."""
    made: dict[str, list[str]] = {}
    for name, variant in provenance.variants.items():
        for environment in variant.environments:
            made.setdefault(", ".join(f"{key} {text_of(value)}" for key, value in environment.items()), []).append(name)
    return list(made.items())


def method(inputs: Inputs) -> Section:
    """The method in a page, and how often it is right where the truth is known."""
    said = sentence("this_report", verdict=inputs.verdict)
    return Section("method", "The method in a page", (said, Terms(tuple(say.all("method").items())), *rates(inputs)))


def rates(inputs: Inputs) -> tuple[str, ...]:
    """How often such a diagnosis is right on planted faults, from reports/calibration.json; nothing as yet."""
    return ()

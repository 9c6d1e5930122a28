"""Sections of report.html on what is behind the numbers: the data, how it was made, the method."""

from typing import Any

from valgap.document.numbers import UNKNOWN, estimate, joined, number, text_of
from valgap.document.parts import Section, Table
from valgap.results.provenance import Provenance, VariantRecord
from valgap.results.summary import BASELINE, describe
from valgap.stats.verdict import Verdict

PARTS = {"pool": "pool", "train": "given training", "val": "given validation", "test": "test"}
TEST = {"holdout": "the same for all", "kfold": "one fold, by turns"}
METHOD = (
    ("The gap is measured fairly.", "Training and validation images are scored by the same network in inference "
                                    "mode, without "
     "augmentation, by plain accuracy and plain negative log-likelihood. Running training scores would carry "
     "dropout and augmentation."),
    ("Pairing.", "In one replicate all variants share training images, validation images, initial weights and batch "
                 "order, so "
     "that their difference is due to what was changed. A replicate is one joint draw of everything random."),
    ("What an interval covers.", "Training sets of this size drawn from this pool, with everything else that is "
                                 "random in a run; "
     "for test accuracy and test NLL also other test images of the same kind. Not other data, architectures or "
     "budgets."),
    ("Confirmatory and exploratory.", "One contrast per cause is declared before the run; with the chosen remedy "
                                      "these are the "
     "confirmatory family. Their intervals are adjusted together (Bonferroni), and a verdict word says what its "
     "interval shows. "
     "Everything else is exploratory: 95% intervals, no words."),
    ("Removing and injecting.", "Only a variant that removes a cause from the baseline can show that the cause "
                                "contributes. A cause "
     "that the baseline does not have is not present; injecting it shows what would hurt."),
    ("Choosing and confirming.", "A remedy or strength is chosen by validation accuracy on the first block of "
                                 "replicates and judged by "
     "test accuracy on the other blocks, so that the luck of the choice is not counted as a gain."),
    ("What is not claimed.", "That anything is the cause: only what an intervention changed. An inconclusive "
                             "contrast is not an absent "
     "effect; no effect means an interval wholly within the margin. A small gap is no merit by itself."),
    ("Fixed throughout.", "All variants take the same number of optimizer steps unless their row says otherwise. "
                          "The learning rate is "
     "the same for all variants and across capacities; it was tuned for none of them."),
)  # fmt: skip


def data(provenance: Provenance) -> Section:
    """Counts by class, sizes of the splits, and what was dropped and why."""
    found = provenance.data
    parts = {PARTS[name]: part for name, part in found.parts.items()}
    whence = "given by the source" if found.given_validation else "drawn from the pool, first"
    sizes = [
        ("training images of a replicate", "drawn, stratified, by whole groups", _count(found.train_size)),
        ("validation images of a replicate", whence, _count(found.val_size)),
        ("test images of a replicate", TEST[found.scheme], _count(found.test_size)),
        *((f"{name} images", "in all", _count(part.images)) for name, part in parts.items()),
        ("images of no split", "not asked for by split's sizes", _count(found.not_used)),
        ("files dropped", "unreadable; the audit names them", _count(found.dropped)),
        ("groups", "never on both sides of a drawn split", _count(found.groups)),
    ]
    sizes.append(("pixels of an image", "height, width, channels", " × ".join(map(str, found.image_shape))))
    tables = [Table("Sizes.", ("what", "remark", "images"), tuple(sizes), 2)]
    rows = tuple((name, *(_count(part.per_class[name]) for part in parts.values())) for name in found.class_names)
    tables.append(Table("Images of each class.", ("class", *parts), rows))
    paragraphs = (
        "Images of one replicate are never in two of its splits. The test images took no part in any choice"
        + ("." if found.scheme == "kfold" else ", and are the same for all replicates and variants."),
    )
    return Section("data", "The data", paragraphs, (), tuple(tables))


def _count(value: Any) -> str:
    return number(value, "{:,d}") if isinstance(value, int) else UNKNOWN


def making(provenance: Provenance) -> Section:
    """What each variant is, and on what everything was made: no commit and no time, which would change the bytes."""
    rows = tuple(_variant(name, variant) for name, variant in provenance.variants.items())
    headings = ("variant", "what it changes", "replicates", "training images", "steps", "parameters", "weights of step")
    tables = [Table("Every variant is a difference from the baseline's settings below.", headings, rows, 2)]
    settings = tuple(setting for name, value in provenance.train.items() for setting in _settings(name, value))
    tables.append(Table("The baseline's settings.", ("setting", "value"), settings, 2))
    untrained = tuple((name, describe(diff)) for name, diff in provenance.not_trained.items())
    if untrained:
        tables.append(Table("Declared and not trained.", ("variant", "what it would change"), untrained, 2))
    tables.append(Table("Source files.", ("file", "sha256"), tuple(provenance.data.source_sha256.items()), 2))
    made = _environments(provenance)
    paragraphs = [f"Suite seed: {provenance.seed}. Every stream of randomness derives from it."]
    if len(made) == 1:
        paragraphs.append(f"All variants were made with {next(iter(made))}.")
    elif made:
        listed = "; ".join(f"{joined(names)} with {text}" for text, names in made.items())
        paragraphs.append(f"Made in different environments, from which differences may stem: {listed}.")
    return Section("making", "How it was made", tuple(paragraphs), (), tuple(table for table in tables if table.rows))


def _settings(name: str, value: Any) -> list[tuple[str, str]]:
    """Rows of one setting; a mapping of mappings, as evaluation_policies is, has one for each."""
    if isinstance(value, dict) and value and all(isinstance(inner, dict) for inner in value.values()):
        return [row for key, inner in value.items() for row in _settings(f"{name}.{key}", inner)]
    return [(name, describe({name: value}).partition(": ")[2] or "none")]


def _variant(name: str, variant: VariantRecord) -> tuple[str, ...]:
    steps = variant.selected_steps
    taken = (
        UNKNOWN if not steps else _count(min(steps)) + (f" to {_count(max(steps))}" if max(steps) > min(steps) else "")
    )
    numbers = map(_count, (variant.replicates, variant.train_images, variant.steps, variant.parameters))
    change = describe(variant.diff) if name != BASELINE or variant.diff else "nothing: it is the baseline"
    return (name, change, *numbers, taken)


def _environments(provenance: Provenance) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name, variant in provenance.variants.items():
        for environment in variant.environments:
            made.setdefault(", ".join(f"{key} {text_of(value)}" for key, value in environment.items()), []).append(name)
    return made


def method(verdict: Verdict) -> Section:
    """The method in a page."""
    found = verdict.gap
    gap = estimate(100 * found.mean, 100 * found.low, 100 * found.high)
    closing = (
        f"This report: {verdict.replicates} replicates of the baseline, gap {gap} pp, margin "
        f"{number(100 * verdict.margin)} pp."
    )
    return Section("method", "The method in a page", (closing,), terms=METHOD)

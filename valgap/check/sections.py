"""The tables of a check, and how the model was read: sections of plain text, with what users named in backticks."""

import dataclasses
import math
from collections.abc import Iterable

from valgap.check import words
from valgap.check.outputs import Trial
from valgap.check.result import Result
from valgap.check.words import NAMED, named
from valgap.document.numbers import number, percent, shares
from valgap.document.parts import Table
from valgap.stats.metrics import Metric, in_reading_order
from valgap.stats.shares import Scores

RANGES = {"0-1": "[0, 1]", "0-255": "[0, 255]", "-1-1": "[−1, 1]"}


@dataclasses.dataclass(frozen=True)
class Section:
    """One part of a check: paragraphs, then terms with their texts, then tables."""

    name: str
    title: str
    paragraphs: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


def scores(result: Result) -> Section:
    """Every split's scores, and what their intervals are."""
    groups = result.predicted.images.groups
    unit = "images" if groups is None else "groups of images"
    scored = result.scores[result.fitted].metrics
    shown = [
        metric
        for metric in in_reading_order()
        if metric.name in scored and metric.name != "accuracy" and (result.balanced or not metric.stands_in)
    ]
    rows = [_row(NAMED[name], each, shown) for name, each in result.scores.items()]
    if result.clean:
        rows.append(_row(f"{words.judged(result)}, without duplicates of training", result.clean, shown))
    paragraphs = [
        f"Inference mode, no augmentation, every image. Intervals are 95% over {unit}: for others of the same kind, "
        "and this one trained model. What training it again would give, they cannot say.",
    ]
    if result.held_out == "test":
        paragraphs.append("There is no `val/`: the gap is that to the test images.")
    if groups is not None and result.gap is not None:
        paragraphs.append("With fewer than about 20 groups on a side these intervals are somewhat too narrow.")
    headings = ("split", "images", "accuracy %", *(metric.heading() for metric in shown))
    table = Table("Scores by split. NLL in nats; ECE in 15 bins.", headings, tuple(rows))
    return Section("scores", "Scores", tuple(paragraphs), (), (table,))


def _row(title: str, scores: Scores, shown: Iterable[Metric]) -> tuple[str, ...]:
    values = [number(metric.scale * scores.metrics[metric.name], metric.form) for metric in shown]
    return title, f"{scores.images:,}", shares(scores.accuracy), *values


def classes(result: Result) -> Section:
    """Recall of every class on every split, the lowest on held-out images first."""
    judged = result.scores[result.held_out or result.fitted]
    recalls = [found.mean if found else 2.0 for found in judged.recalls]
    rows = tuple(
        (named(result.predicted.images.class_names[label]), *(_recall(each, label) for each in result.scores.values()))
        for label in sorted(range(len(recalls)), key=lambda label: (recalls[label], label))
    )
    headings = ("class", *(f"{NAMED[name]} recall %" for name in result.scores))
    caption = f"Share of each class's images that are recognised, of how many; lowest on {words.judged(result)} first."
    return Section("classes", "Class by class", (), (), (Table(caption, headings, rows),))


def _recall(scores: Scores, label: int) -> str:
    found = scores.recalls[label]
    return f"{shares(found)} of {found.images:,}" if found else "no image"


def _trial(found: Trial) -> str:
    nll = [number(value, "{:.2f}") for value in (found.nll, found.held_out_nll) if not math.isnan(value)]
    return f"{percent(found.accuracy)} (NLL {', '.join(nll) or 'not finite'})"


def reading(result: Result) -> Section:
    """How the model and the images were taken: what the check had to assume."""
    found = result.predicted
    _, height, width, channels = found.images.images.shape
    sizes = found.images.facts.get("sizes", {})
    others = sum(count for size, count in sizes.items() if size != f"{width}x{height}")
    images = f"{height} × {width} pixels, {'grey' if channels == 1 else 'RGB'}"
    if others:
        images += (
            f"; {others:,} had another size and were stretched (antialiased, bilinear): another way in training may "
            "cost accuracy here"
        )
    if found.trials:
        tried = "; ".join(f"{RANGES[name]} {_trial(trial)}" for name, trial in found.trials.items())
        order = ", with the classes in the order that fits best" if result.reordered else ""
        images_tried = f"{found.trial_images[0]:,} {NAMED[result.fitted]}"
        if result.held_out:
            images_tried += f" and {found.trial_images[1]:,} {words.judged(result)}"
        pixels = (
            f"{RANGES[found.value_range]}, which fits {images_tried} images best{order}: {tried}. `RANGE=` overrules"
        )
    else:
        pixels = f"{RANGES[found.value_range]}, as asked"
    order = ", ".join(f"{place} {named(name)}" for place, name in enumerate(found.images.class_names[:30]))
    more = len(found.images.class_names) - 30
    terms = [
        ("Images", f"{images}."),
        ("Pixel values", f"{pixels}."),
        (
            "Classes",
            f"the folders, sorted by name, as Keras has it: {order}{f' and {more:,} more' if more > 0 else ''}.",
        ),
        ("Outputs", f"taken for {found.kind}, by their values."),
        ("Parameters", f"{found.parameters:,}."),
    ]
    if found.images.groups is not None:
        terms.insert(1, ("Groups", f"{len(set(found.images.groups.tolist())):,}, as `GROUPS=` names them."))
    if found.images.dropped:
        names = ", ".join(f"{named(item.name)} ({named(item.why)})" for item in found.images.dropped[:5])
        count = len(found.images.dropped)
        terms.insert(1, ("Left out", f"{count:,} files that could not be used: {names}{', …' if count > 5 else ''}."))
    return Section("reading", "How it was read", (), tuple(terms))

"""The sections of a check: scores, classes, how the model was read, the data. The texts are in words.yaml."""

from valgap.check import words
from valgap.check.outputs import Trial
from valgap.check.result import Result
from valgap.check.words import named_split, say
from valgap.document import findings
from valgap.document.numbers import COUNT, NATS, SHARE, is_unknown
from valgap.document.parts import Section, Table, Terms
from valgap.document.text import named
from valgap.stats.metrics import Metric, in_reading_order
from valgap.stats.shares import Scores


def scores(result: Result) -> Section:
    """Every split's scores, and what their intervals are."""
    groups = result.predicted.images.groups
    scored = result.scores[result.fitted].metrics.keys() - {"accuracy"}  # which has limits, and a column of its own
    shown = [
        metric for metric in in_reading_order() if metric.name in scored and (result.balanced or not metric.stands_in)
    ]
    rows = [_row(named_split(name), each, shown) for name, each in result.scores.items()]
    if result.clean:
        rows.append(_row(say("scores.clean", judged=words.judged(result)), result.clean, shown))
    paragraphs = [say("scores.how", groups=groups is not None)]
    if result.held_out == "test":
        paragraphs.append(say("scores.to_test"))
    if groups is not None and result.gap is not None:
        paragraphs.append(say("scores.few_groups"))
    headings = ("split", "images", "accuracy %", *(metric.heading() for metric in shown))
    return Section(
        "scores", say("scores.title"), (*paragraphs, Table(say("scores.caption"), headings, tuple(rows), folded=False))
    )


def _row(split: str, found: Scores, shown: list[Metric]) -> tuple[str, ...]:
    values = ((SHARE if metric.percent else NATS)(found.metrics[metric.name]) for metric in shown)
    return split, COUNT(found.images), SHARE.estimate(found.accuracy), *values


def classes(result: Result) -> Section:
    """Recall of every class on every split, the lowest on held-out images first."""
    judged = result.scores[result.held_out or result.fitted]
    recalls = [found.mean if found else 2.0 for found in judged.recalls]  # without an image: last
    rows = tuple(
        (
            named(result.predicted.images.class_names[label]),
            *(say("classes.cell", recall=each.recalls[label]) for each in result.scores.values()),
        )
        for label in sorted(range(len(recalls)), key=lambda label: (recalls[label], label))
    )
    headings = ("class", *(f"{named_split(name)} recall %" for name in result.scores))
    table = Table(say("classes.caption", judged=words.judged(result)), headings, rows)
    return Section("classes", say("classes.title"), (table,))


def reading(result: Result) -> Section:
    """How the model and the images were taken: what the check had to assume."""
    found = result.predicted
    images = found.images
    _, height, width, channels = images.images.shape
    sizes = images.facts.get("sizes", {})
    texts = say.all(
        "reading.terms",
        height=height,
        width=width,
        color=say("color.grey" if channels == 1 else "color.rgb"),
        others=sum(count for size, count in sizes.items() if size != f"{width}x{height}"),
        dropped=images.dropped,
        groups=None if images.groups is None else len(set(images.groups.tolist())),
        range=say(f"range.{found.value_range}"),
        trials=[_trial(name, trial) for name, trial in found.trials.items()],
        tried=found.trial_images,
        fitted=words.fitted(result),
        held_out=result.held_out,
        judged=words.judged(result),
        reordered=result.reordered,
        names=images.class_names,
        kind=found.kind,
        parameters=found.parameters,
    )
    return Section(
        "reading", say("reading.title"), (Terms(tuple((term, text) for term, text in texts.items() if text)),)
    )


def _trial(name: str, found: Trial) -> str:
    known = [value for value in (found.nll, found.held_out_nll) if not is_unknown(value)]
    return say("reading.trial", range=say(f"range.{name}"), accuracy=found.accuracy, nll=known)


def data(result: Result) -> Section:
    """What the audit found in the images, and what else it looked at."""
    audit = result.audit
    cures = {"groups": say("data.groups")} if result.predicted.images.groups is None else {}
    rest = findings.rest(audit)
    return Section(
        "data",
        say("data.title"),
        (
            findings.overview(audit),
            *findings.sections(audit, cures),
            *([Section("data-rest", say("data.rest"), rest)] if rest else []),
        ),
    )

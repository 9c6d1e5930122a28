"""The sections of a check: findings, scores, classes, how images were read, the data. The texts are in words.yaml."""

import math

from valgap.check import phrases, words
from valgap.check.outputs import Trial
from valgap.check.phrases import called, say
from valgap.check.result import Result
from valgap.check.stated import Stated
from valgap.data.sources.images import Images
from valgap.diagnostics.reading.decision import Tried
from valgap.document import findings
from valgap.document.numbers import COUNT, NATS, SHARE, is_unknown
from valgap.document.parts import Item, Items, Part, Section, Table, Terms
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
    rows = [_row(called(name), each, shown) for name, each in result.scores.items()]
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
    headings = ("class", *(f"{called(name)} recall %" for name in result.scores))
    table = Table(say("classes.caption", judged=words.judged(result)), headings, rows)
    return Section("classes", say("classes.title"), (table,))


def reading(result: Result) -> Section:
    """How the model and the images were taken: what the check had to assume, and what else was tried."""
    found = result.predicted
    images = found.images
    _, height, width, channels = images.images.shape
    texts = say.all(
        "reading.terms",
        assumed=found.assumed,
        height=height,
        width=width,
        color=say("color.grey" if channels == 1 else "color.rgb"),
        others=_resized(images, height, width),
        resized=phrases.filtered(found.reading),
        shaped=phrases.shaped(found.reading),
        dropped=images.dropped,
        groups=None if images.groups is None else len(set(images.groups.tolist())),
        range=phrases.scale(found.reading.scale),
        fed=found.fed and say("reading.said" if images.files is not None else "reading.fed"),
        as_well=phrases.scales(found.decision.ranges) if found.decision.ranges else "",
        trials=[_trial(name, trial) for name, trial in found.ranges.items()],
        tried=found.rows,
        fitted=called(result.fitted),
        held_out=result.held_out,
        judged=words.judged(result),
        order=phrases.ordered(found.decision.order_name),
        names=images.class_names,
        kind=found.kind,
        compiled=_compiled(result),
        parameters=found.parameters,
    )
    parts: list[Part] = [Terms(tuple((term, text) for term, text in texts.items() if text))]
    if len(found.decision.tried) > len(found.ranges) + 1:
        parts.append(_tried(found.decision.tried))
    return Section("reading", say("reading.title"), tuple(parts))


def _resized(images: Images, height: int, width: int) -> int:
    """How many files have another size than the model takes."""
    if images.files is None:
        return 0
    return int((images.files.size != (width, height)).any(axis=1).sum())


def _compiled(result: Result) -> str:
    """Loss, metrics and optimizer, as the file or the model says them."""
    found = result.predicted.compiled
    if found is None:
        return ""
    parts = [f"loss {named(found.loss)}"] if found.loss else []
    parts += ["from logits"] if found.from_logits else []
    parts += [f"metrics {', '.join(map(named, found.metrics))}"] if found.metrics else []
    parts += [f"optimizer {named(found.optimizer)}"] if found.optimizer else []
    return ", ".join(parts)


def _tried(tried: tuple[Tried, ...]) -> Table:
    """All ways of reading that were tried, the best first."""
    rows = tuple(
        (
            phrases.read(each.reading),
            phrases.ordered(each.order),
            *("–" if math.isnan(value) else SHARE(value) for value in (each.chosen, each.confirmed, each.held)),
        )
        for each in tried
    )
    return Table(
        say("reading.tried"), tuple(say.all("reading.headings").values()), rows, texts=2, folded=len(rows) > 12
    )


def all_findings(findings: tuple[Stated, ...]) -> Section:
    """Every finding that is a problem or worth a look: evidence, what it does to the gap, the one thing to do."""
    serious = [each for each in findings if each.severity in ("problem", "worth a look")]
    entries = tuple(
        Item(
            say("findings.text", found=each.found, effect=each.effect, cure=each.cure),
            title=f"{each.title} ({each.code})",
            badge=each.severity,
            anchor=f"data-{each.name}" if each.name else "",
        )
        for each in serious
    )
    parts: tuple[Part, ...] = (Items(entries), say("findings.pages")) if entries else ()
    return Section("findings", say("findings.title"), parts)


def _trial(name: str, found: Trial) -> str:
    known = [value for value in (found.nll, found.held_out_nll) if not is_unknown(value)]
    return say("reading.trial", range=phrases.scale(name), accuracy=found.accuracy, nll=known)


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

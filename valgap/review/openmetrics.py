"""A review as OpenMetrics text, which forges and monitors read: the head's means, and the changes with their limits.

Gauges alone, a sample a variant: OpenMetrics 1.0, section "Text format". Fractions and nats.
"""

import math
from collections.abc import Iterator, Mapping

from valgap.review.record import Effect, Record
from valgap.review.recording import of
from valgap.review.result import Result
from valgap.stats.measures import MEASURES, series

Samples = Iterator[tuple[Mapping[str, str], float]]  # labels and value
SHOWN = ("test_accuracy", "val_accuracy", "train_accuracy", "gap", "test_nll")  # of the head's means


def text(result: Result) -> str:
    """The metrics, with their end mark. What is unknown has no sample."""
    found = of(result)
    families: list[tuple[str, str, Samples]] = [
        ("valgap_review_status", "Exit status of the review: 1 where its gate fails.", iter([({}, found.status)])),
        ("valgap_review_stale", "Things that do not belong to the code.", iter([({}, len(found.freshness.stale))])),
        *((f"valgap_{name}", f"Mean {MEASURES[name].title} of the head.", means(result, name)) for name in SHOWN),
        ("valgap_change", f"Change of {found.measure.title}, head minus base.", effects(found, "mean")),
        ("valgap_change_low", "Its lower limit, adjusted for all variants.", effects(found, "low")),
        ("valgap_change_high", "Its upper limit.", effects(found, "high")),
    ]
    lines = [line for family in families for line in _family(*family)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def means(result: Result, name: str) -> Samples:
    """Mean over replicates of a measure, by variant of the head."""
    if result.compared:
        for variant, scores in series(result.compared.head.results).items():
            values = scores[name].values()
            if values:
                yield {"variant": variant}, math.fsum(values) / len(values)


def effects(found: Record, field: str) -> Samples:
    """The mean or a limit of each change that was judged."""
    for each in found.variants:
        if isinstance(each.effect, Effect):
            yield {"variant": each.name}, getattr(each.effect, field)


def _family(name: str, about: str, samples: Samples) -> Iterator[str]:
    lines = [f"{name}{_labels(labels)} {value:.6g}" for labels, value in samples if math.isfinite(value)]
    if lines:
        yield from (f"# TYPE {name} gauge", f"# HELP {name} {about}", *lines)


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

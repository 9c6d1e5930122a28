"""Looks at the images themselves, before anything is trained, and says what in them may make or hide a gap.

Takes the look at what a source gave, in the suite's split of it; returns what `prepare` writes to reports/audit.json.
The same images give the same bytes. It looks at every image, but searches near duplicates among about 70,000 at most,
and labels and shift among fewer: findings say where they speak of a sample.
"""

from collections.abc import Iterable
from typing import get_args

import numpy as np

from valgap.findings import (
    altered,
    counts,
    duplicates,
    files,
    groups,
    incomplete,
    labels,
    pictures,
    quality,
    rates,
    shift,
    shortcuts,
)
from valgap.findings.finding import SCHEMA, Audit, Finding, Severity
from valgap.findings.look import Look

ORDER = get_args(Severity)


def audit(looked: Look, further: Iterable[Finding[int]] = ()) -> Audit:
    """All findings on the images that were looked at, problems first, with their pictures.

    `further` are findings on the same images that need more than images, such as what a model makes of them.
    """
    used = looked.used
    findings = sorted(
        map(rates.told, [*further, *findings_of(looked)]), key=lambda finding: ORDER.index(finding.severity)
    )
    wanted = [image for finding in findings for example in finding.examples for image in example.images]
    drawn = pictures.draw(used, wanted)
    height, width, channels = used.source.images.shape[1:]
    return Audit(
        schema=SCHEMA,
        images=len(used.index),
        image_shape=(height, width, channels),
        findings=tuple(pictures.drawn_into(used, finding, drawn) for finding in findings),
    )


def findings_of(looked: Look) -> list[Finding[int]]:
    """The findings, in the order in which they are best read among those of one severity."""
    used, measured, similar, seed = looked.used, looked.measured, looked.similar, looked.seed
    if not len(used.index):
        return [counts.counts(used)]
    cluster = looked.cluster
    given = used.learned.any() and bool(np.any(used.split == "val"))
    across, within, conflicts = duplicates.exact(used, measured.original)
    near_across, near_within = duplicates.near(used, measured.original, similar)
    of_files = files.findings(used, seed)
    return [
        groups.groups(used),
        across,
        near_across,
        altered.altered(used, measured.original, looked.copies, looked.alike),
        conflicts,
        counts.missing_classes(used),
        *([shift.two_sample(used, cluster, seed)] if given else []),
        shift.brightness(used, measured, cluster),
        *of_files,
        shortcuts.shortcuts(used, cluster, seed),
        labels.label_errors(used, looked.doubts, looked.outside),
        counts.dropped(used),
        incomplete.incomplete(used),
        within,
        near_within,
        altered.altered_within(used, looked.copies),
        counts.blank(used, measured.blank),
        quality.quality(used, measured.blank),
        counts.imbalance(used),
        counts.files(used, any(each.severity not in ("fine", "unknown") for each in of_files[:1])),
        counts.counts(used),
    ]

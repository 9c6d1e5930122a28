"""Looks at the images themselves, before anything is trained, and says what in them may make or hide a gap.

Reads what a source gave and the suite's split of it; returns what `prepare` writes to reports/audit.json. The same
images give the same bytes. It looks at every image, but searches near duplicates among about 70,000 at most, and
labels and shift among fewer: findings say where they speak of a sample.
"""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from valgap.data.sources.images import Images
from valgap.findings import counts, duplicates, groups, labels, neighbours, pictures, pixels, shift
from valgap.findings.finding import SCHEMA, Audit, Finding, Severity, Used, use

ORDER = get_args(Severity)


def audit(images: Images, split_of: NDArray[np.str_], seed: int) -> Audit:
    """All findings, problems first, with their pictures.

    `split_of` (n,) is the split of each image: "train", "val", "test", or "pool", of which training and validation
    are drawn; "" for images that are not used. `seed` decides every sample. Raises ValueError on another split.
    """
    used = use(images, split_of)
    findings = sorted(look(used, seed), key=lambda finding: ORDER.index(finding.severity))
    wanted = [image for finding in findings for example in finding.examples for image in example.images]
    drawn = pictures.draw(used, wanted)
    height, width, channels = images.images.shape[1:]
    return Audit(
        schema=SCHEMA,
        images=len(used.index),
        image_shape=(height, width, channels),
        findings=tuple(pictures.drawn_into(used, finding, drawn) for finding in findings),
    )


def look(used: Used, seed: int) -> list[Finding[int]]:
    """The findings, in the order in which they are best read among those of one severity."""
    if not len(used.index):
        return [counts.counts(used)]
    measured = pixels.measure(used.source.images, used.index)
    similar = neighbours.search(used.source.images, used.index, measured.original, used.split, seed)
    cluster = similar.cluster if used.groups is None else np.unique(used.groups, return_inverse=True)[1]
    given = used.learned.any() and bool(np.any(used.split == "val"))
    across, within, conflicts = duplicates.exact(used, measured.original)
    near_across, near_within = duplicates.near(used, measured.original, similar)
    return [
        groups.groups(used),
        across,
        near_across,
        conflicts,
        counts.missing_classes(used),
        *([shift.two_sample(used, cluster, seed)] if given else []),
        shift.brightness(used, measured, cluster),
        labels.label_errors(used, cluster, seed),
        counts.dropped(used),
        within,
        near_within,
        counts.blank(used, measured.blank),
        counts.imbalance(used),
        counts.files(used),
        counts.counts(used),
    ]

"""Records as the stages write them, small and made up, for tests of what reads them."""

import dataclasses
import math
from typing import Any

from valgap.data.prepared import Manifest, Part, Suspected
from valgap.findings.finding import SCHEMA as AUDIT_SCHEMA
from valgap.findings.finding import Audit, Finding, Picture
from valgap.results.provenance import Provenance, VariantRecord
from valgap.results.tables import SCHEMA
from valgap.stats.intervals import Interval
from valgap.stats.verdict import (
    Answer,
    Baseline,
    CauseEffect,
    Covers,
    Divergence,
    Estimate,
    Gap,
    ImagesNeeded,
    Labels,
    Price,
    Remedies,
    Remedy,
    SplitEffect,
    Untested,
    Verdict,
)

NOT_KNOWN = Interval(1, 0.16, *[math.nan] * 3)

MANIFEST = Manifest(
    image_shape=(28, 28, 1), class_names=("a", "b"),
    parts={name: Part(300, {"a": 150, "b": 150}) for name in ("pool", "test")},
    scheme="holdout", given_validation=False, groups=None, train_size=1000, max_train_size=3000, val_size=60,
    test_size=300, resplit_train_size=None, whole_pool=False, class_sizes=(50, 50), not_used=3, dropped=0,
    dropped_files=(),
    source_sha256={"images.xz": "cd" * 32}, suspected={"pool": Suspected(0, 300)},
)  # fmt: skip

VARIANT = VariantRecord(
    diff={}, replicates=2, train_images=60, steps=10, parameters=5, forward_flops=7, selected_steps=(10, 10),
    predictions_md5={"0": "ab"}, environments=({"python": "3.11.7", "device": "cpu"},),
)  # fmt: skip

PROVENANCE = Provenance(
    schema=SCHEMA, data=MANIFEST, model={"builder": "cnn"}, seed=1, train={"width": 1.0, "batch_size": 4},
    variants={"baseline": VARIANT}, not_trained={},
)  # fmt: skip

CAPACITY = CauseEffect(
    cause="capacity", title="excess capacity", verdict="contributes", arms=("narrow", "pooling_head"), arm="narrow",
    against="baseline", n=12, mean=0.034, low=0.022, high=0.046, confidence=0.98, wins="11/12", mde=0.01,
    more_replicates=0, unfair=(), given=(), after=None, sound=None,
)  # fmt: skip

REGULARIZATION = dataclasses.replace(
    CAPACITY, cause="regularization", title="insufficient regularization", verdict="not to blame", arms=("dropout",),
    arm="dropout", mean=0.001, low=-0.006, high=0.008, wins="6/12",
)  # fmt: skip

PRICE = Price(
    sizes={"baseline": 1000, "double_data": 2000}, extrapolated=False,
    per_doubling=Interval(12, 0.02, 0.005, 0.015, 0.025), target_gain=0.05, headroom=0.17,
    images_needed=ImagesNeeded("within reach", 5656.9, 4000.0, 10079.4),
)  # fmt: skip

REMEDY = Remedy(
    variant="dropout", n=12, mean=0.014, low=0.007, high=0.021, wins="11/12", nll=Estimate(-0.28, -0.3, -0.26),
    diff={"dropout": [0.25, 0.25, 0.5]}, parameters=421642, steps=960, relative_compute=1.0,
)  # fmt: skip

SPLIT = SplitEffect(
    cause="split", title="the split itself", verdict="contributes", variant="resplit", n=12, groups=40, mean=-0.084,
    low=-0.028, high=0.028, cost=Estimate(0.095, 0.08, 0.11), alike=Estimate(0.095, 0.075, 0.115), mix=None,
    copies=None,
    audit=("VG106",),
)  # fmt: skip

IN_CAPACITY = Answer("capacity", "excess capacity", "removal", "contributes", 0.034, 0.022, 0.046)
IN_DATA = Answer("data", "too few images", "doubling", "contributes", 0.02, 0.015, 0.025)
IN_SPLIT = Answer("split", "the split itself", "gap", "contributes", 0.095, 0.08, 0.11)

VERDICT = Verdict(
    metric="accuracy", margin=0.01, replicates=12, covers=Covers("drawn", "fixed", None), block_size=6, score=0.829,
    gap=Gap(
        Interval(12, 0.16, 0.01, 0.152, 0.168), Interval(12, 0.167, 0.01, 0.158, 0.176),
        Interval(12, -0.007, 0.01, -0.016, 0.002),
    ),
    baseline=Baseline(12, 12, 0.72, ()),
    divergence=Divergence("problematic", Interval(12, 0.01, 0.003, 0.008, 0.012), 9.2),
    answer=(IN_CAPACITY, IN_DATA),
    causes=(
        Untested(cause="split", title="the split itself", verdict="not applicable", why="the suite made the split"),
        CAPACITY, REGULARIZATION,
    ),
    labels=Labels({}, None), shares=None, data=PRICE, remedies=Remedies((REMEDY,), 14, 0.95, 2.9), injected=(),
    underfit=(), follow_up=(), doses={}, policies={},
)  # fmt: skip

NOTHING_FOUND = Audit(AUDIT_SCHEMA, 0, (28, 28, 1), ())


def provenance(variants: dict[str, dict[str, Any]], **changes: Any) -> Provenance:
    """A provenance of variants by name, each a change of VARIANT."""
    entries = {name: dataclasses.replace(VARIANT, **entry) for name, entry in variants.items()}
    return dataclasses.replace(PROVENANCE, variants=entries, **changes)


def audit_of(*findings: Finding[Picture]) -> Audit:
    """An audit of 600 images with these findings."""
    return Audit(AUDIT_SCHEMA, 600, (28, 28, 1), findings)

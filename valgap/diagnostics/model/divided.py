"""VG206: were the pixels divided twice? A pure rule over accuracy under small and under large pixels."""

from typing import Any

from valgap.diagnostics.model.inside import Inside
from valgap.diagnostics.model.normalisation import CLEAR, LIKELY, Right, paired
from valgap.diagnostics.seen import Seen
from valgap.findings.finding import Severity

SMALL = ("0-1", "-1-1")  # ranges that need no division
WELL = 0.9  # accuracy from which a network has learnt in spite of its small pixels


def divided_twice(found: Inside | None, small: Right, large: Right, fed: str | None = None) -> Seen | None:
    """VG206, of the same training images that are right (n,) when fed in [0, 1] or [-1, 1], and in 0 to 255.

    A model that divides and does better on small pixels was trained on pixels divided twice. One that does better on
    large ones is well, unless its user feeds it small ones: `fed` is "0-1", "-1-1", "0-255", None where not known. One
    that learnt nothing on either says nothing by itself: only what it is fed does.
    """
    if found is None or not found.divides:
        return None
    evidence: dict[str, Any] = {
        "layer": found.layer,
        "kind": found.kind,
        "scale": found.scale,
        "divisor": 1 / abs(found.scale),
        "small": float(small.mean()),
        "large": float(large.mean()),
        "images": len(small),
    }
    better_small, better_large = paired(small, large), paired(large, small)
    if better_small.difference > 0 and better_small.p <= LIKELY:
        sure = better_small.p <= CLEAR and evidence["small"] < WELL
        return Seen("VG206", "problem" if sure else "worth a look", evidence | {"trained": True})
    if fed not in SMALL:
        return None
    fits_large = better_large.difference > 0 and better_large.p <= CLEAR
    severity: Severity = "worth a look" if evidence["small"] >= WELL else "problem"
    return Seen("VG206", severity, evidence | {"trained": False if fits_large else None})

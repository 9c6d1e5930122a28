"""What a rule saw, without a word of prose: a stable code, how serious it is, and the numbers behind it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from valgap.findings.finding import Severity


@dataclasses.dataclass(frozen=True)
class Seen:
    """One fault that a rule saw.

    `code` is VGnnn, which never changes its meaning: words of that code say title, what was found, what it does to the
    gap and its cure, from `evidence`, the values by the names that those words use. `severity` is "problem" only where
    the rule was measured to be right nearly always; "worth a look" where it is a hint; "unknown" for what could not be
    looked at. A rule that looked and found nothing returns no Seen.
    """

    code: str
    severity: Severity
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)

"""What a report is made from: the CSV tables and records of reports/, and what all sections ask of them."""

import dataclasses
from pathlib import Path

import pandas as pd

from valgap.findings.finding import Audit
from valgap.ground import paths
from valgap.ground.params.causes import CAUSES
from valgap.results.audit import read_audit
from valgap.results.calibration import Calibration, read_calibration
from valgap.results.provenance import Provenance, read_provenance
from valgap.results.summary import BASELINE, Cell, cell
from valgap.results.tables import read_table
from valgap.results.verdict import read_verdict
from valgap.stats.metrics import METRICS
from valgap.stats.verdict import CauseEffect, Verdict

Tables = dict[str, pd.DataFrame]

FILES = (
    paths.SUMMARY, paths.CONTRASTS, paths.CURVES, paths.CONFUSION, paths.CLASSES, paths.RELIABILITY, paths.HARDEST,
    paths.SEGMENTS, paths.SHIFT, paths.LOOKS, paths.WRONG_LABELS, paths.SUSPECTS,
)  # fmt: skip
REFERENCES = {"majority_class": "majority class", "nearest_neighbour": "1-nearest neighbour"}
PRICED = next(cause for cause in CAUSES.values() if cause.is_price)
RATES = Path(__file__).with_name(paths.CALIBRATION.name)  # of the rules of this library
SHOWN = 6  # variants in a figure that has one panel for each


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The CSV tables by name, and the records beside them. Fractions and nats, as they stand there.

    `calibration` is None where the library has not been calibrated; `trained` are cells of those that there will be,
    None where these are all.
    """

    tables: Tables
    provenance: Provenance
    verdict: Verdict
    audit: Audit
    calibration: Calibration | None = None
    trained: tuple[int, int] | None = None

    @property
    def metric(self) -> str:
        """The metric on which verdicts rest, in words."""
        return METRICS[self.verdict.metric].titled("test")

    @property
    def variants(self) -> list[str]:
        """The trained variants in their order, the baseline first."""
        names = [str(name) for name in self.tables["summary"].variant.unique() if name not in REFERENCES]
        return [BASELINE, *(name for name in names if name != BASELINE)]

    @property
    def compared(self) -> list[str]:
        """The baseline and the cheapest of the best remedies: the variants of figures that compare two."""
        best = [remedy.variant for remedy in self.verdict.remedies.best if remedy.variant in self.variants[1:]]
        return [BASELINE, *best[:1]]

    @property
    def shown(self) -> list[str]:
        """The baseline, the remedy, the best arm against each cause and, as far as SHOWN allows, others."""
        arms = [entry.arm for entry in self.verdict.causes if isinstance(entry, CauseEffect)]
        wanted = [*self.compared, *arms, *self.variants]
        return [name for name in dict.fromkeys(wanted) if name in self.variants][:SHOWN]

    @property
    def restored(self) -> list[str]:
        """The variants whose weights are not those of the last step."""
        found = self.provenance
        return [name for name, each in found.variants.items() if (found.train | each.diff)["early_stopping"]]

    @property
    def titles(self) -> dict[str, str]:
        """The causes and their opposites by name, in the order of the report."""
        known: dict[str, str] = {}
        for cause in CAUSES.values():
            known |= {each.name: each.title for each in (cause, cause.opposite) if each}
        return known | {entry.cause: entry.title for entry in self.verdict.causes}

    def title(self, cause: str) -> str:
        """The title of a cause or an opposite; its name where it has none."""
        return self.titles.get(cause, cause)

    def score(self, variant: str, split: str, metric: str) -> Cell | None:
        """A mean over replicates with its limits, None where there is none."""
        return cell(self.tables["summary"], variant, split, metric)


def read() -> Inputs:
    """All that a report is made from. Raises SuiteError naming a missing or malformed file."""
    tables = {path.stem: read_table(path) for path in FILES}
    return Inputs(tables, read_provenance(), read_verdict(), read_audit(), calibration())


def calibration() -> Calibration | None:
    """The error rates to quote, None where the library has none."""
    return read_calibration(RATES) if RATES.exists() else None

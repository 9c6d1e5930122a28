"""One review as a document: reads both sides, judges, and puts the sections together."""

from pathlib import Path

from valgap.document.markdown import ROWS, Section, code, compose
from valgap.ground.errors import SuiteError
from valgap.ground.params.suite import Suite
from valgap.pipeline.freshness import Finding
from valgap.pipeline.git import is_behind, of_revision
from valgap.results import sides
from valgap.results.sides import NotComparableError, Side
from valgap.review import changes, forest, fresh_block, gate, judge, sections, words
from valgap.review.judge import Judged
from valgap.stats.measures import MEASURES
from valgap.stats.verdicts import default_margin

REASONS = 10  # of a failed gate that are shown


class Document:
    """One review: both sides read and judged."""

    def __init__(self, params: Suite, name: str, commit: str, findings: list[Finding]) -> None:
        self.params, self.name, self.commit, self.findings = params.review, name, commit, findings
        self.block_size = params.split.block_size
        self.pair, self.why = False, ""
        self.judged: list[Judged] = []
        try:
            self.base: Side | None = sides.read_side(of_revision(commit), f"{name} ({commit[:9]})")
            self.head: Side | None = sides.read_side(sides.of_workspace, "the workspace")
        except NotComparableError as error:
            self.base, self.head, self.why = None, None, str(error)
            return
        self.names = changes.variants(self.head, self.base)
        self.pair = changes.is_paired(self.head, self.base)
        scores = changes.scores(self.head), changes.scores(self.base)
        if not all(side[name][self.params.primary] for side in scores for name in side):
            raise SuiteError(f"params.yaml: review.primary = {self.params.primary} is not a score of these results")
        self.judged = judge.judge(*scores, self.names.identical, self.pair, self.params, self.margin)

    @property
    def reasons(self) -> list[str]:
        """Why the gate fails."""
        return gate.reasons(self.judged, self.params, bool(self.findings))

    @property
    def margin(self) -> float:
        """What counts as no effect, in the primary's unit: of an accuracy never under two test images."""
        images = self.head.provenance.data.test_size if self.head else 1
        accuracy = "accuracy" in MEASURES[self.params.primary].metric
        return default_margin(self.params.margin, images) if accuracy else self.params.margin

    def confirm(self, attempt: int) -> None:
        """Train a fresh block of what improved, and judge it there."""
        improved = [row.variant for row in self.judged if row.word == "improved"]
        if improved and self.head and self.base:
            base = sides.read_params(of_revision(self.commit))
            sizes = self.block_size, base["split"]["block_size"]
            block = fresh_block.fresh_block(self.head, self.base, sizes, attempt)
            found = fresh_block.confirm(self.commit, improved, block, self.params.primary, self.pair)
            self.judged = judge.confirm(found, self.judged, self.params)

    def lead(self, link: str | None) -> str:
        """Title, the one-line verdict, the gate."""
        lines = [f"## Results against {code(self.name)} (`{self.commit[:9]}`)"]
        if self.head is None:
            stale = words.freshness_line(bool(self.findings))
            lines.append(f"**Nothing to compare: {code(self.why, 300)}; {stale}.**")
        else:
            lines.append(words.verdict(self.judged, self.names, self.params, bool(self.findings)))
        if is_behind(self.commit):
            lines.append(f"{code(self.name)} has commits that this branch lacks: they show as undone. Merge it first.")
        if self.params.fail_on:
            judged = "passed" if self.head else "not applied to metrics: nothing to compare"
            lines.append(f"Gate ({', '.join(self.params.fail_on)}): {'**failed**' if self.reasons else judged}.")
            lines += [f"- {reason}" for reason in self.reasons[:REASONS]]
            if len(self.reasons) > REASONS:
                lines.append(f"- and {len(self.reasons) - REASONS} more")
        if link:
            lines.append(f"[Artifact]({link}): the whole review and the chart as SVG and PNG.")
        return "\n\n".join(lines).replace("\n\n- ", "\n- ")

    def sections(self, cut: bool) -> list[Section]:
        """All sections, in reading order."""
        limit = ROWS if cut else None
        read = sides.read_params(sides.of_workspace), sides.read_params(of_revision(self.commit))
        found = [Section("Parameters", sections.parameters(changes.parameters(*read), limit), 3)]
        if self.head is not None and self.base is not None:
            measure = MEASURES[self.params.primary]
            drawn = forest.text(self.judged[:limit], measure, self.margin)
            changed = [row.variant for row in self.judged if row.contrast is not None]
            diffs = [{name: entry.diff for name, entry in side.variants.items()} for side in (self.base, self.head)]
            recalls = changes.recalls(self.head, self.base, changed)
            found = [
                Section("Changes", words.changes(self.judged, self.params, self.margin, limit), 0),
                Section("Chart", f"```text\n{drawn}\n```" if drawn else "", 5),
                *found,
                Section("Variants", sections.variants(self.names, diffs, limit), 2),
                Section("Causes", sections.causes(changes.causes(self.head, self.base)), 4),
                Section("Classes", sections.recalls(recalls, 10 if cut else len(recalls)), 6),
                Section("Environments", sections.made_in(self.base.variants, self.head.variants), 3),
                Section("Costs", sections.costs(changes.costs(self.head, self.base), limit), 7),
            ]
        return [*found, Section("Freshness", sections.freshness(self.findings, limit), 1)]

    def markdown(self, link: str | None = None) -> str:
        """The review, short enough to post."""
        return compose(self.lead(link), self.sections(cut=True))

    def save(self, folder: Path) -> None:
        """Write the review, the uncut one and the pictures. Raises SuiteError when it cannot."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "review.md").write_text(self.markdown(), encoding="utf-8")
            whole = compose(self.lead(None), self.sections(cut=False), None)
            (folder / "review-full.md").write_text(whole, encoding="utf-8")
        except OSError as error:
            raise SuiteError(f"cannot write {folder}: {error}") from None
        forest.save(self.judged, MEASURES[self.params.primary], self.margin, folder)

"""A check as a document, for a terminal (Markdown) and as one HTML page that needs no network."""

import dataclasses
import html
import os
from pathlib import Path
from typing import Any

from valgap.check import maps, sections, words
from valgap.check.phrases import say
from valgap.check.result import Result
from valgap.check.stated import Stated
from valgap.document import html as page
from valgap.document import markdown
from valgap.document.markdown import Style
from valgap.document.parts import Code, Document, Item, Items, Part, Section, Terms
from valgap.document.text import Strong
from valgap.ground.errors import SuiteError
from valgap.ground.version import __version__

ROWS = 30  # of a table in Markdown
LEAD = 5  # findings that stand first, at most
LEAKS = ("VG102", "VG103", "VG116")
FRAME = "width: 100%; height: 40rem; border: 0"


def build(
    result: Result, findings: tuple[Stated, ...], model: str, data: str, groups: str | None, files: bool
) -> Document:
    """The check of a model on data, both as the user named them; `groups` is the pattern of groups, if any.

    `files` says that the data are files, which the suite can read too.
    """
    lead: list[Part] = [Strong(words.verdict(result, findings))]
    if shown := [each for each in findings if each.severity in ("problem", "worth a look")][:LEAD]:
        lead.append(Terms(tuple((f"{each.title} ({each.code})", _short(result, each)) for each in shown)))
    steps = Items(tuple(Item(step) for step in words.steps(result, findings)))
    found = sections.all_findings(findings)
    lines = Code(words.params_yaml(result, data, groups), "yaml")
    return Document(
        title=say("title", model=model, data=data),
        kicker=say("kicker"),
        lead=tuple(lead),
        sections=(
            Section("next", say("next.title"), (steps,)),
            *([found] if found.parts else []),
            sections.scores(result),
            sections.classes(result),
            *([maps.section(result.predicted.looked)] if result.predicted.looked else []),
            sections.reading(result),
            sections.data(result),
            *([Section("params", say("params.title"), (lines,))] if files else []),
        ),
    )


def _short(result: Result, finding: Stated) -> str:
    """A finding in the lead: its evidence, and what a leak does to the score."""
    leak = ""
    if finding.code in LEAKS and result.clean is not None and result.held_out is not None:
        before = result.scores[result.held_out].accuracy.mean
        leak = say("findings.leak", judged=words.judged(result), before=before, after=result.clean.accuracy)
    return say("findings.lead", found=finding.found, leak=leak)


@dataclasses.dataclass(frozen=True, repr=False)
class Checked:
    """A check to show: a notebook shows its page, a terminal its Markdown.

    `findings` are all that was looked at, the most important first: problems, what is worth a look, what could not be
    looked at, and what is fine.
    """

    document: Document
    findings: tuple[Stated, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Headline, findings and the version of this package, as plain values for JSON."""
        headline = next(str(part) for part in self.document.lead if isinstance(part, str))
        return {"valgap": __version__, "headline": headline, "findings": [each.to_dict() for each in self.findings]}

    def markdown(self) -> str:
        """The check as Markdown."""
        return markdown.write(self.document, Style(rows=ROWS, open_rows=ROWS, rest=say("markdown_rest"), heading=2))

    def html(self) -> str:
        """The check as one page."""
        return page.write(self.document)

    def __repr__(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame, so that neither one's style reaches the other."""
        return f'<iframe srcdoc="{html.escape(self.html())}" sandbox style="{FRAME}"></iframe>'

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one page where `path` ends in .html, or Markdown in .md; else check.md and check.html into a folder.

        Files are written under temporary names, then renamed. Raises SuiteError when they cannot be.
        """
        target = Path(path)
        writers = {".html": self.html, ".md": self.markdown}
        if target.suffix.lower() in writers:
            texts = {target: writers[target.suffix.lower()]()}
        else:
            texts = {target / "check.md": self.markdown(), target / "check.html": self.html()}
        try:
            for file in texts:
                file.parent.mkdir(parents=True, exist_ok=True)
            for file, text in texts.items():
                file.with_name(f"{file.name}.partial").write_text(text, encoding="utf-8")
            for file in texts:
                os.replace(file.with_name(f"{file.name}.partial"), file)
        except OSError as error:
            raise SuiteError(f"--out = {target} cannot be written: {error}; name a folder of yours") from None

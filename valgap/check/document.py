"""A check as a document, for a terminal (Markdown) and as one HTML page that needs no network.

In texts `code` in backticks is what users named. Both renderings make everything else inert, the data audit's too.
"""

import dataclasses
import os
import re
from pathlib import Path

from markupsafe import Markup

from valgap.check import advice, sections, words
from valgap.check.result import Result
from valgap.check.sections import Section
from valgap.check.words import named
from valgap.document.markdown import markdown
from valgap.document.parts import Table, html_template
from valgap.findings.finding import Finding, Picture
from valgap.ground.errors import SuiteError
from valgap.report.predictions import BASE64

HERE = Path(__file__).parent
CSS = HERE.parent / "document" / "page.css"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
ROWS = 30  # of a table in Markdown
MARKUP = re.compile(r"([\\`*<>\[\]|&#~])")  # what Markdown could take for more than text, in the audit's words
OURS = {  # of the audit's words, which speak of params.yaml
    "(data.group_column, data.group_pattern)": "(GROUPS=)",
    "as data.image_size and data.resize say": "the model's",
}


@dataclasses.dataclass(frozen=True)
class Heading:
    """What stands on top: what was checked, the verdict, what stands out, what to do, lines of params.yaml."""

    model: str
    data: str
    verdict: str
    observations: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    params: str


class Document:
    """One check of a model file on a folder, both as the user named them."""

    def __init__(self, result: Result, model: str, data: str, group_pattern: str | None) -> None:
        self.heading = Heading(
            named(model), named(data), words.verdict(result), tuple(words.observations(result)),
            tuple(advice.steps(result)), advice.params_yaml(result, data, group_pattern),
        )  # fmt: skip
        self.sections = [sections.scores(result), sections.classes(result), sections.reading(result)]
        self.findings = [_in_our_words(finding) for finding in result.audit.findings]

    @property
    def fine(self) -> str:
        """What the audit looked at without finding anything, and what it could not look at, as sentences."""
        titles = {
            word: ", ".join(finding.title for finding in self.findings if finding.severity == word)
            for word in ("fine", "unknown")
        }
        lines = {"Looked at and fine": titles["fine"], "Could not be looked at": titles["unknown"]}
        return " ".join(f"{words}: {listed}." for words, listed in lines.items() if listed)

    @property
    def serious(self) -> list[Finding[Picture]]:
        """What it found."""
        return [finding for finding in self.findings if finding.severity not in ("fine", "unknown")]

    def markdown(self) -> str:
        """The check as Markdown."""
        top = self.heading
        parts = [
            f"## Check of {top.model} on {top.data}", f"**{top.verdict}**",
            "\n".join(f"- **{title}.** {text}" for title, text in top.observations),
            "### Next", "\n".join(f"- {step}" for step in top.steps),
            *(part for section in self.sections for part in _markdown(section)),
            "### The data", "\n".join(map(_finding, self.serious)), self.fine,
            "### In `params.yaml`", f"```yaml\n{top.params}```",
        ]  # fmt: skip
        return "\n\n".join(part for part in parts if part) + "\n"

    def html(self) -> str:
        """The check as a page. Every text is escaped; pictures are those of the audit."""
        return html_template(HERE / "check.html.j2").render(
            top=self.heading, sections=self.sections, findings=self.serious, fine=self.fine, policy=POLICY,
            css=Markup(CSS.read_text(encoding="utf-8")),
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write check.md and check.html to temporary names, then rename both. Raises SuiteError when it cannot."""
        texts = {folder / "check.md": self.markdown(), folder / "check.html": self.html()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, text in texts.items():
                path.with_name(f"{path.name}.partial").write_text(text, encoding="utf-8")
            for path in texts:
                os.replace(path.with_name(f"{path.name}.partial"), path)
        except OSError as error:
            raise SuiteError(f"OUT = {folder} cannot be written: {error}; name a folder of yours") from None


def _in_our_words(finding: Finding[Picture]) -> Finding[Picture]:
    """A finding of the audit with this command's names for what it speaks of, and no picture that is not base64."""
    found, effect = finding.found, finding.effect
    for theirs, ours in OURS.items():
        found, effect = found.replace(theirs, ours), effect.replace(theirs, ours)
    examples = tuple(dataclasses.replace(each, images=tuple(map(_safe, each.images))) for each in finding.examples)
    return dataclasses.replace(finding, found=found, effect=effect, examples=examples)


def _safe(picture: Picture) -> Picture:
    return picture if BASE64.fullmatch(picture.png) else dataclasses.replace(picture, png="")


def inert(text: str) -> str:
    """Text that Markdown shows as it is."""
    return MARKUP.sub(r"\\\1", text)


def _finding(finding: Finding[Picture]) -> str:
    shown = [image.name for example in finding.examples for image in example.images][:6]
    names = f" For instance {', '.join(map(named, shown))}." if shown else ""
    return f"- **{finding.title}** ({finding.severity}). {inert(finding.found)} {inert(finding.effect)}{names}"


def _markdown(section: Section) -> list[str]:
    return [
        f"### {section.title}",
        *section.paragraphs,
        "\n".join(f"- **{term}**: {text}" for term, text in section.terms),
        *(_table(table) for table in section.tables),
    ]


def _table(table: Table) -> str:
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows[:ROWS]]
    text = markdown(list(table.headings), rows, table.texts)
    more = len(table.rows) - ROWS
    return text + (f"\n\n… and {more:,} more rows in check.html (`OUT=`)." if more > 0 else "")

"""A check as a document, for a terminal (Markdown) and as one HTML page that needs no network."""

import dataclasses
import html
import os
from pathlib import Path

from valgap.check import advice, sections, words
from valgap.check.result import Result
from valgap.check.words import say
from valgap.document import html as page
from valgap.document import markdown
from valgap.document.markdown import Style
from valgap.document.parts import Code, Document, Item, Items, Part, Section, Terms
from valgap.document.text import Strong
from valgap.ground.errors import SuiteError

ROWS = 30  # of a table in Markdown
FRAME = "width: 100%; height: 40rem; border: 0"


def build(result: Result, model: str, data: str, groups: str | None) -> Document:
    """The check of a model on a folder, both as the user named them; `groups` is the pattern of groups, if any."""
    lead: list[Part] = [Strong(words.verdict(result))]
    if seen := words.observations(result):
        lead.append(Terms(tuple(seen)))
    steps = Items(tuple(Item(step) for step in advice.steps(result)))
    lines = Code(advice.params_yaml(result, data, groups), "yaml")
    return Document(
        title=say("title", model=model, data=data),
        kicker=say("kicker"),
        lead=tuple(lead),
        sections=(
            Section("next", say("next.title"), (steps,)),
            sections.scores(result),
            sections.classes(result),
            sections.reading(result),
            sections.data(result),
            Section("params", say("params.title"), (lines,)),
        ),
    )


@dataclasses.dataclass(frozen=True, repr=False)
class Checked:
    """A check to show: a notebook shows its page, a terminal its Markdown."""

    document: Document

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
            raise SuiteError(f"--out = {folder} cannot be written: {error}; name a folder of yours") from None

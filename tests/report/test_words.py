"""The prose of the report: every text is used, every use has its text, and every sentence reads well."""

import ast
import re

import jinja2
import pytest

from tests.report.page_sample import sample
from tests.report.situations import situations
from tests.scratch import ROOT
from valgap.document import markdown
from valgap.report import words
from valgap.report.document import build


def used() -> set[str]:
    """The texts that the code of the report names; a name in braces stands for what may be there."""
    found: set[str] = set()
    for path in (ROOT / "valgap" / "report").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "say.all":
                found.add(ast.literal_eval(node.args[0]))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("sentence", "paragraphs"):
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
                elif isinstance(first, ast.JoinedStr):
                    ends = "".join(
                        str(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in first.values
                    )
                    found |= {name for name in texts() if re.fullmatch(ends, name)}
    return found


def texts() -> list[str]:
    return re.findall(r"^(\w+):", words.RESOURCE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_text_is_used_and_every_use_has_a_text() -> None:
    assert len(texts()) == len(set(texts()))
    assert used() == set(texts())


def test_a_missing_text_or_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such_text"):
        words.sentence("no_such_text")
    with pytest.raises(jinja2.UndefinedError, match="names"):
        words.sentence("underfits")


def test_paragraphs_are_parted_by_empty_lines() -> None:
    given = {"metric": "test accuracy", "margin": 0.02, "found": sample().verdict}
    assert len(words.paragraphs("effects", **given, causes=0)) == 4
    assert len(words.paragraphs("effects", **given, causes=2)) == 3


@pytest.mark.parametrize("name", situations())
def test_no_punctuation_stands_alone(name: str) -> None:
    text = markdown.write(build(situations()[name]))
    assert not re.search(r"\w [,.;:](?: |$)", text, re.MULTILINE)
    assert not re.search(r"[,.;:]{2}(?: |$)", text, re.MULTILINE)

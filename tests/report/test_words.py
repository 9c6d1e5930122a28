"""The prose of the report: every block is used, every use has its block, and every sentence reads well."""

import ast
import re

import jinja2
import pytest

from tests.report.page_sample import sample
from tests.scratch import ROOT
from valgap.document import markdown
from valgap.report import words
from valgap.report.document import build

NAME = re.compile(r"{% block (\w+) %}")


def used() -> set[str]:
    """The blocks that the code of the report names; a name in braces stands for what may be there."""
    found: set[str] = set()
    for path in (ROOT / "valgap" / "report").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("sentence", "paragraphs", "terms"):
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
                elif isinstance(first, ast.JoinedStr):
                    ends = "".join(
                        str(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in first.values
                    )
                    found |= {name for name in blocks() if re.fullmatch(ends, name)}
    return found


def blocks() -> list[str]:
    return NAME.findall(words.RESOURCE.read_text(encoding="utf-8"))


def test_every_block_is_used_and_every_use_has_a_block() -> None:
    assert len(blocks()) == len(set(blocks()))
    assert used() == set(blocks())


def test_a_missing_block_or_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such_block"):
        words.sentence("no_such_block")
    with pytest.raises(jinja2.UndefinedError, match="names"):
        words.sentence("underfits")


def test_paragraphs_and_terms_are_parted_by_empty_lines() -> None:
    assert [term for term, _ in words.terms("method")][:2] == ["The gap is measured fairly", "Pairing"]
    assert all(text.endswith(".") for _, text in words.terms("method"))
    assert len(words.paragraphs("effects", metric="test accuracy", margin=0.02, confirmatory=0)) == 3


@pytest.mark.parametrize("arguments", [{}, {"n": 1}, {"remedy": None, "confirmatory": False}], ids=str)
def test_no_punctuation_stands_alone(arguments: dict[str, object]) -> None:
    text = markdown.write(build(sample(**arguments)))  # type: ignore[arg-type]
    assert not re.search(r"\w [,.;:](?: |$)", text, re.MULTILINE)
    assert not re.search(r"[,.;:]{2}(?: |$)", text, re.MULTILINE)

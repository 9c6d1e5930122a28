"""The prose of the report, from words.j2, which holds one block for each sentence or paragraph."""

import functools
from pathlib import Path
from typing import Any

import jinja2

from valgap.document.numbers import CHANGE, COUNT, NATS, PERCENT, PP, Form, is_unknown, many
from valgap.document.text import joined, named, plain

RESOURCE = Path(__file__).parent / "words.j2"
NATS_CHANGE = Form(decimals=3, signed=True, unit=" nats")


def sentence(block: str, /, **values: Any) -> str:
    """A block of words.j2 on one line. Raises KeyError without such a block, UndefinedError without a value in it."""
    return " ".join(_text(block, values).split())


def paragraphs(block: str, /, **values: Any) -> tuple[str, ...]:
    """The paragraphs of a block, which empty lines part."""
    found = (" ".join(part.split()) for part in _text(block, values).split("\n\n"))
    return tuple(part for part in found if part)


def terms(block: str, /, **values: Any) -> tuple[tuple[str, str], ...]:
    """The paragraphs of a block as terms: the first line of each names what the others explain."""
    parts = (part.strip().partition("\n") for part in _text(block, values).split("\n\n"))
    return tuple((term, " ".join(text.split())) for term, _, text in parts if term)


def _text(block: str, values: dict[str, Any]) -> str:
    template = _template()
    return "".join(template.blocks[block](template.new_context(values)))


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    forms = {"percent": PERCENT, "pp": PP, "change": CHANGE, "count": COUNT, "nats": NATS}
    limits = {"effect": CHANGE.estimate, "size": PP.estimate, "loss": NATS_CHANGE.estimate}
    names = {"named": named, "names": joined, "plain": plain, "many": many}
    environment.filters |= {**forms, **limits, **names}
    environment.tests["unknown"] = is_unknown
    return environment.from_string(RESOURCE.read_text(encoding="utf-8"))

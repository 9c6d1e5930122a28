"""The prose of the report, from words.yaml."""

from pathlib import Path

from valgap.document.prose import Prose

RESOURCE = Path(__file__).with_name("words.yaml")

say = Prose(RESOURCE)


def sentence(name: str, /, **values: object) -> str:
    """A text of words.yaml on one line. Raises KeyError without such a text, UndefinedError without a value in it."""
    return " ".join(say(name, **values).split())


def paragraphs(name: str, /, **values: object) -> tuple[str, ...]:
    """The paragraphs of a text, which empty lines part."""
    found = (" ".join(part.split()) for part in say(name, **values).split("\n\n"))
    return tuple(part for part in found if part)

"""Texts of documents in files of their own: one YAML file a room, in which every text is a small Jinja template.

Code decides what is said and passes the values; the file says it. Numbers take their form from the filter: `percent`,
`pp` and so on write a value, or an estimate with its limits. What users named goes through `named` or `joined`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from valgap.document import numbers, text
from valgap.document.numbers import Form

FORMS = {
    "percent": numbers.PERCENT,
    "share": numbers.SHARE,
    "pp": numbers.PP,
    "change": numbers.CHANGE,
    "nats": numbers.NATS,
    "nats_change": numbers.NATS_CHANGE,
    "count": numbers.COUNT,
}


class Prose:
    """The texts of one file, by their dotted names; `filters` are a room's own, beside those of all."""

    def __init__(self, path: Path, filters: Mapping[str, Callable[..., str]] | None = None) -> None:
        self._texts: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self._templates: dict[str, jinja2.Template] = {}  # compiled when first said: tables say one text a row
        self._environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.filters |= {name: _written(form) for name, form in FORMS.items()}
        self._environment.filters |= {"named": text.named, "joined": text.joined, "plain": text.plain}
        self._environment.filters |= {"many": numbers.many, "rate": numbers.of_rate}
        self._environment.filters |= filters or {}
        self._environment.tests["unknown"] = numbers.is_unknown

    def __call__(self, name: str, /, **values: object) -> str:
        """The text of a name, filled with the values. Raises KeyError where the file has no such text."""
        if name not in self._templates:
            self._templates[name] = self._environment.from_string(self._found(name))
        return self._templates[name].render(values)

    def all(self, name: str, /, **values: object) -> dict[str, str]:
        """Every text below a name, by its own."""
        return {key: self(f"{name}.{key}", **values) for key in self._found(name)}

    def names(self) -> list[str]:
        """The first parts of all names."""
        return [*self._texts]

    def __contains__(self, name: str) -> bool:
        """Whether there is a text, or several below it, of that name."""
        try:
            self._found(name)
        except KeyError:
            return False
        return True

    def _found(self, name: str) -> Any:
        found: Any = self._texts
        for part in name.split("."):
            found = found[part]
        return found


def _written(form: Form) -> Callable[[Any], str]:
    """The form for a number, and for an estimate."""
    return lambda value: form.estimate(value) if hasattr(value, "low") else form(value)

"""Frozen dataclasses as JSON files and back: one codec for all records that stages hand to each other.

JSON has neither NaN nor infinity: null stands for what is unknown or unbounded, and fields of type `Number` read it as
NaN. A field whose default is None is left out where it is None. Keys stand in the order of the fields.
"""

import dataclasses
import functools
import json
import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from valgap.ground.errors import SuiteError

T = TypeVar("T")
Plain = dict[str, Any]  # plain values by key, as YAML and JSON hold them: settings and diffs that keep their own form
STRICT = ConfigDict(extra="forbid", strict=True)
SHOWN = 3  # errors of a file that its message names
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


def text(record: Any, indent: int) -> str:
    """A record as JSON with a line end. Records are dataclasses, also within lists and mappings."""
    return json.dumps(plain(record), indent=indent, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """A record as JSON's values."""
    if dataclasses.is_dataclass(value):
        found = {field: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {f.name: plain(v) for f, v in found.items() if not (v is None and f.default is None)}
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def parse(kind: type[T], content: bytes | str) -> T:
    """A record from JSON. Raises ValueError naming the first fields that are missing, unknown or of another type."""
    try:
        found: T | None = _adapter(kind).validate_json(content)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = error.errors(include_url=False)
        named = [f"{'.'.join(map(str, item['loc'])) or 'the file'}: {_lower(item['msg'])}" for item in faults[:SHOWN]]
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ValueError("; ".join([*named, *more])) from None
    if found is None:
        raise ValueError("the file: holds nothing but null")
    return found


def read(kind: type[T], path: Path, cure: str) -> T:
    """A record from a file. Raises SuiteError naming file, fault and `cure`."""
    try:
        return parse(kind, path.read_bytes())
    except FileNotFoundError:
        raise SuiteError(f"{path} is missing: {cure}") from None
    except (OSError, ValueError) as error:
        raise SuiteError(f"{path} cannot be read ({error}): {cure}") from None


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """The checks of a kind. A bare dataclass takes no configuration from outside, a union with None does."""
    return TypeAdapter(kind | None, config=STRICT)


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]

"""From YAML text to checked dataclasses, with errors that name key, value and what is allowed."""

import collections
import difflib
import json
import math
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from valgap.ground.errors import SuiteError
from valgap.ground.params.bounds import BYTES, excess
from valgap.ground.records import Plain

T = TypeVar("T")
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)  # no silent coercion


class ParamsError(SuiteError):
    """params.yaml asks for something that the suite does not know or allow."""

    place = "params.yaml: "


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys; DVC refuses them, and so do we."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value if key.value != "<<"]
    counts = collections.Counter(key for key in keys if isinstance(key, Hashable))  # PyYAML refuses others
    repeated = sorted(str(key) for key, count in counts.items() if count > 1)
    if repeated:
        raise ParamsError(f"params.yaml line {node.start_mark.line + 1}: repeated key {', '.join(repeated)}")
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Plain:
    """Top-level mapping of a YAML file. Raises ParamsError when missing, malformed, too large or not a mapping."""
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= BYTES else None
        if why := f"has over {BYTES:,} bytes" if text is None else excess(text):
            raise ParamsError(f"{path} {why}: it is to hold a few hundred entries; take out what is not of the suite")
        content = yaml.load(text or "", Loader=_UniqueKeys)
    except FileNotFoundError:
        raise ParamsError(f"{path} is missing: run from the repository root") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: bytes that are not UTF-8, a date of month 13
        raise ParamsError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ParamsError(f"{path} must hold a mapping of blocks, received {type(content).__name__}")
    return content


def on_one_line(value: Any) -> str:
    """A plain value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def parse(kind: type[T], raw: object, where: str) -> T:
    """Check `raw` against the dataclass `kind`; `where` is its dotted place in params.yaml.

    Raises ParamsError listing every offence at once, each with key, value and what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise ParamsError(f"params.yaml: {where} must be a mapping, received {raw!r}")
    try:
        # Through JSON, because strict checking of Python objects refuses mappings for dataclasses.
        return TypeAdapter(kind).validate_json(json.dumps(dict(raw), default=str))
    except ValidationError as error:
        offences = [_offence(kind, dict(item), where) for item in error.errors()]
        if len(offences) == 1:
            raise offences[0] from None
        lines = [str(offence).removeprefix(ParamsError.place) for offence in offences]
        raise ParamsError(ParamsError.place + "; ".join(lines)) from None


def _offence(kind: type, item: Plain, where: str) -> ParamsError:
    name = ".".join([where, *map(str, item["loc"])]).strip(".")
    match item["type"]:
        case "unexpected_keyword_argument":
            allowed = _fields_at(kind, item["loc"][:-1])
            close = difflib.get_close_matches(str(item["loc"][-1]), allowed, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            unknown = f"{name} = {item['input']!r} is not a known key{hint}"
            return ParamsError(f"{ParamsError.place}{unknown} (allowed: {', '.join(allowed)})")
        case "missing" | "missing_argument":
            return ParamsError(f"{ParamsError.place}{name} is missing")
    is_text = isinstance(item["input"], str) and _is_number(item["input"])
    cure = "YAML reads this as text: write 0.001 or 1.0e-3" if is_text else None
    why = item["msg"][0].lower() + item["msg"][1:]
    return ParamsError(key=name, value=repr(item["input"]), why=why, cure=cure)


def _fields_at(kind: Any, loc: tuple[Any, ...]) -> list[str]:
    """Field names of the dataclass that `loc` leads to."""
    for name in loc:
        kind = kind.__dataclass_fields__[name].type
    return sorted(kind.__dataclass_fields__)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

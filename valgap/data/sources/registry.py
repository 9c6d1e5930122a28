"""Data sources: where images come from. Each reads an origin, and returns all its images with what it knows of them.

A source is one module beside this one, which says of itself what it is (`SOURCE`), and a line in NAMES, which is also
its name in data.source. What image files may be, how they are resized and turned grey or RGB:
valgap/data/reading/decode.py. Sources without files too follow data.image_size, resize and color.
"""

import importlib
from typing import get_args

from valgap.data.sources.source import Key, Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data

NAMES = (
    "embedded",
    "fashion_mnist",
    "keras",
    "tfds",
    "folder",
    "table",
    "npz",
)


def source(name: str) -> Source:
    """The source of that name, which no other is imported for. Raises SuiteError listing all where there is none."""
    if name not in NAMES:
        raise SuiteError(f"params.yaml: data.source = {name!r} is no source (allowed: {', '.join(NAMES)})")
    found: Source = importlib.import_module(f"{__package__}.{name}").SOURCE
    return found


def chosen(data: Data) -> Source:
    """The source that block `data` names. Raises SuiteError on a key that it needs or does not take, too."""
    found = source(data.source)
    for key in get_args(Key):
        if (getattr(data, key) is not None) != (key in found.needs):
            verb = "needs" if key in found.needs else "takes no"
            raise SuiteError(f"params.yaml: data.source = {data.source} {verb} data.{key}")
    return found

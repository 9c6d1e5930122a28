"""Questions that params.yaml still asks: values that say FILL_IN, where `valgap init` found no answer.

They are refused all at once, each with its place, what is asked, and what the answer may be.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import yaml

from valgap.ground.params.experiment import TRANSFORMS
from valgap.ground.params.schema import ParamsError

FILL_IN = "FILL_IN"
ALLOWED = {  # what the answer to a key may be
    "data.group_pattern": "null where no two images are of one patient, camera or session; else a regular expression "
    "over an image's path, its one (group) around what names them: '(patient[0-9]+)_'",
    "data.allowed_transforms": f"a list of {', '.join(TRANSFORMS)}; [] for none",
    "data.image_size": "[height, width] in pixels; null where all images have one size",
    "model.files": "the folder or file that holds the builder and its weights",
    "model.weights": "a file below model.files, which is then the folder that holds it; or `random` for none",
}


@dataclasses.dataclass(frozen=True)
class Question:
    """A value that is to be filled in: its line from 1, its key with dots, and the line's own comment."""

    line: int
    key: str
    comment: str

    @property
    def allowed(self) -> str:
        """What the answer may be: what is known of the key, and what its comment says."""
        known = ALLOWED.get(self.key)
        if known is None:
            return self.comment or "a value of your own"
        return f"{known} ({self.comment})" if self.comment else known


def questions(text: str) -> list[Question]:
    """All values of a YAML text that hold FILL_IN, in their order. Raises yaml.YAMLError where it is no YAML."""
    lines = text.splitlines()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = []
    for key, node in _values("", root):
        if FILL_IN in node.value:
            number = node.start_mark.line
            comment = lines[number][node.end_mark.column :].partition("#")[2].strip()
            found.append(Question(number + 1, key, comment))
    return sorted(found, key=lambda each: each.line)


def refuse_questions(path: Path) -> None:
    """Raise ParamsError naming every question of a file that is valid YAML, where there is one."""
    text = path.read_text(encoding="utf-8")
    if FILL_IN in text and (asked := questions(text)):  # most files ask nothing: these are not parsed again
        lines = "".join(f"\n  line {each.line}: {each.key} = {FILL_IN}; write {each.allowed}" for each in asked)
        what = "a question waits" if len(asked) == 1 else f"{len(asked)} questions wait"
        raise ParamsError(f"{path}: {what} for an answer in place of {FILL_IN}:{lines}")


def _values(key: str, node: yaml.Node | None) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """All plain values below a node, with their keys."""
    if isinstance(node, yaml.MappingNode):
        for name, below in node.value:
            yield from _values(f"{key}.{name.value}".strip("."), below)
    elif isinstance(node, yaml.SequenceNode):
        for below in node.value:
            yield from _values(key, below)
    elif isinstance(node, yaml.ScalarNode):
        yield key, node

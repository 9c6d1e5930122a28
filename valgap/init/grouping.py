"""Patients, cameras, sessions: groups of images, as far as file names tell. Pure functions on paths.

Sure is a name that says what it is of (patient17_3.png, camera2/004.jpg), or an export's copies of one original. Names
that only look alike (a17_01.jpg, a17_02.jpg; cat/a17/1.jpg) may be of one thing or not: that is a question.
"""

import collections
import dataclasses
import re
from collections.abc import Iterator, Sequence

WORDS = (
    "patient", "pat", "subject", "subj", "sub", "person", "participant", "donor", "animal", "specimen", "case",
    "session", "sess", "camera", "cam", "site", "location", "loc", "slide", "scan", "study", "video", "vid", "clip",
    "sequence", "seq", "track", "burst", "plot", "plant", "tree", "field",
)  # fmt: skip
FEWEST = 1.5  # images a group, on average: with less there are next to no groups
SHARED = 0.5  # of the images that share their group with another, from which on names look like groups
EXPORTED = r"([^/]+)\.rf\.[0-9a-zA-Z]+"  # Roboflow's names of changed copies: <original>.rf.<hash>.jpg
NUMBERED = tuple(rf"([^/]+){mark}\." for mark in ("_[0-9]+", "-[0-9]+", r" \([0-9]+\)", r" [0-9]+"))  # a17_01.jpg
SIDED = r"([^/]+)[-_ ](?:left|right|front|back|top|bottom|side|[LRlr])\."


@dataclasses.dataclass(frozen=True)
class Guess:
    """A regular expression, its one group around what names an image's group; how many it finds; an example's images.

    `sure` where names say what they are of.
    """

    pattern: str
    groups: int
    example: tuple[str, ...]
    sure: bool


def guess(paths: Sequence[str], labels: Sequence[str]) -> Guess | None:
    """Groups that the paths of images tell, sure ones before others; None where they tell none.

    `paths` are below the folder, with `/`; `labels` are the images' classes.
    """
    for pattern, sure in _candidates(paths):
        found = _found(pattern, paths, labels)
        if found is not None:
            return dataclasses.replace(found, sure=sure)
    return None


def _candidates(paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    first = paths[0] if paths else ""
    for word in WORDS:
        match = re.search(rf"(?:^|[/_\-. ])({word}(?:[-_ ]?id)?[-_ ]?)[A-Za-z]?[0-9]", first, re.IGNORECASE)
        if match:
            yield rf"({match[1]}[0-9]+)", True
            yield rf"(?i)({match[1]}[A-Za-z]?[0-9]+)", True
    yield EXPORTED, True
    for pattern in (*NUMBERED, SIDED):
        yield pattern, False
    depth = min((path.count("/") for path in paths), default=0)
    for above in range(depth - 1, 0, -1):
        yield rf"^(?:[^/]+/){{{above}}}([^/]+)/", False


def _found(pattern: str, paths: Sequence[str], labels: Sequence[str]) -> Guess | None:
    """The groups of a pattern; None where it does not match each path, or finds next to none, or classes and splits."""
    matches = [re.search(pattern, path) for path in paths]
    names = [match[1] for match in matches if match]
    if len(names) < len(paths):
        return None
    members: dict[str, list[int]] = collections.defaultdict(list)
    for place, name in enumerate(names):
        members[name].append(place)
    classes = len(set(labels))
    shared = sum(len(images) for images in members.values() if len(images) > 1)
    if len(members) <= classes + 1 or len(paths) < FEWEST * len(members) or shared < SHARED * len(paths):
        return None
    example = next(images for images in members.values() if len(images) > 1)
    return Guess(pattern, len(members), tuple(paths[place] for place in example[:2]), False)

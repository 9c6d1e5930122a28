"""The section that shows where the model looks. The texts are in words.yaml."""

from valgap.check.phrases import called, say
from valgap.diagnostics.looked import Looked
from valgap.diagnostics.occlusion import SIDE, drawn, is_empty, where
from valgap.document.numbers import SHARE
from valgap.document.parts import Example, Gallery, Part, Picture, Section, Table
from valgap.document.text import named
from valgap.findings.finding import shown
from valgap.findings.pictures import png


def section(looked: tuple[Looked, ...]) -> Section:
    """Each image beside its map; without one where no place counts."""
    parts: list[Part] = [say("looks.how", images=len(looked))]
    if empty := sum(is_empty(each.falls) for each in looked):
        parts.append(say("looks.empty", empty=empty, images=len(looked)))
    parts.append(Gallery(tuple(map(_example, looked)), markdown=False))
    headings = tuple(say.all("looks.headings").values())
    parts.append(Table(say("looks.table"), headings, tuple(map(_row, looked)), texts=4, folded=True))
    return Section("looks", say("looks.title"), tuple(parts))


def _example(each: Looked) -> Example:
    name, label, guess = shown(each.name), shown(each.label), shown(each.guess)
    original = Picture(png(each.image, SIDE), name, f"{label}, {called(each.split)}")
    told = {"guess": guess, "probability": each.probability, "right": each.label == each.guess}
    if is_empty(each.falls):
        return Example(say("looks.nothing", **told), (original,))
    height, width = each.image.shape[:2]
    place, left = where(each.falls, height, width), each.probability - float(each.falls.max())
    map_ = Picture(png(drawn(each.image, each.falls), SIDE), say("looks.map"), say("looks.most", place=place))
    return Example(say("looks.caption", place=place, left=left, **told), (original, map_))


def _row(each: Looked) -> tuple[str, ...]:
    """What stands in words for a map."""
    place = say("looks.none") if is_empty(each.falls) else where(each.falls, *each.image.shape[:2])
    left = each.probability - float(each.falls.max())
    return named(each.name), named(each.label), named(each.guess), place, SHARE(each.probability), SHARE(left)

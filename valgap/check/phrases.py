"""Parts of sentences about readings, splits and orders, as filters of the texts of findings."""

from collections.abc import Callable, Iterable
from pathlib import Path

from valgap.diagnostics.reading.readings import DEFAULT, Reading
from valgap.document.prose import Prose

say = Prose(Path(__file__).with_name("words.yaml"))


def called(split: str) -> str:
    """What a split is called."""
    return say(f"split.{split}")


def scale(name: str) -> str:
    """A scale by itself: `[0, 1]`, per-channel standardisation."""
    return say(f"scale.{name}")


def scales(names: Iterable[str]) -> str:
    """Several scales."""
    return _either([scale(name) for name in names])


def scaled(reading: Reading) -> str:
    """What was done to pixels, after the noun."""
    key = "caffe_rgb" if reading.scale == "caffe" and reading.channels == "rgb" else reading.scale
    extra = say("bgr_too") if reading.channels == "bgr" and reading.scale != "caffe" else ""
    return say(f"scaled.{key}") + extra


def filtered(reading: Reading) -> str:
    """The filter by which a reading resizes."""
    return say(f"filter.{reading.filter}")


def shaped(reading: Reading) -> str:
    """How a reading brings images to a shape."""
    return say(f"aspect.{reading.aspect}")


def ordered(name: str) -> str:
    """An order of classes."""
    return say(f"order.{name.replace(' ', '_')}")


def read(reading: Reading) -> str:
    """Everything in which a reading is other than the default, the scale first."""
    parts = [say("pixels", scaled=scaled(reading))] if reading.scale != "fed" else []
    if reading.inverted:
        parts.append(say("inverted"))
    if reading.upright != DEFAULT.upright:
        parts.append(say("upright"))
    if reading.alpha != DEFAULT.alpha:
        parts.append(say("alpha", color=reading.alpha))
    if reading.filter != DEFAULT.filter:
        parts.append(say("by_filter", filter=filtered(reading)))
    if reading.aspect != DEFAULT.aspect:
        parts.append(shaped(reading))
    return ", ".join(parts) or say("as_fed")


def readings(several: Iterable[Reading]) -> str:
    """`pixels in [0, 1] give`, or several of them."""
    named = [read(each) for each in several]
    return say("gives", what=_either(named), many=len(named) > 1 or named[:1] == [] or named[0].startswith("pixels"))


def _either(texts: list[str]) -> str:
    *others, last = texts or [""]
    return f"{', '.join(others)} or {last}" if others else last


FILTERS: dict[str, Callable[..., str]] = {
    each.__name__: each for each in (called, scales, scaled, filtered, shaped, ordered, read, readings)
}

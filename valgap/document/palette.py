"""Colours of all figures: Okabe and Ito's palette, told apart by colour-blind readers too, and greys.

Figures name these values; report.html replaces each by the CSS variable of the same meaning, so that one chart
serves light, dark and print.
"""

from typing import Any

INK = "#000000"
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PINK = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREY = "#767676"
BAND = "#E4E4E4"
PAPER = "#FFFFFF"

CSS_VARIABLES = {
    INK: "var(--ink)",
    BLUE: "var(--blue)",
    VERMILION: "var(--vermilion)",
    GREEN: "var(--green)",
    PINK: "var(--pink)",
    ORANGE: "var(--orange)",
    SKY: "var(--sky)",
    GREY: "var(--grey)",
    BAND: "var(--band)",
    PAPER: "var(--paper)",
}


def themed(spec: Any) -> Any:
    """A Vega-Lite specification in which every colour of the palette is its CSS variable."""
    if isinstance(spec, dict):
        return {key: themed(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [themed(value) for value in spec]
    return CSS_VARIABLES.get(spec, spec) if isinstance(spec, str) else spec

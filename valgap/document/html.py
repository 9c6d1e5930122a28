"""Writes a document as one HTML page that needs no network, with every figure's numbers beside it.

Text and tables are plain HTML; charts are Vega-Lite specifications that page.js draws after the page has loaded, with
the Vega that stands at the end of the file. Every text is escaped. Same inputs give the same bytes.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from valgap.document.palette import themed
from valgap.document.parts import Document, Figure, Fold, Panel, Part, Picture, Section
from valgap.document.text import Strong, spans

HERE = Path(__file__).parent
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
FOR_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
FOLDED_FROM = 12  # rows of a table
SNIPPET = "window.vegaEmbed = vegaEmbed;"
VEGA_LITE = "6.4"  # of those that vl-convert brings; the major version that Altair writes
CREDIT = "Charts by Vega, Vega-Lite and Vega-Embed, which this file contains."


def write(document: Document) -> str:
    """The whole page."""
    charts = any(True for _ in _panels([*document.lead, *document.sections]))
    scripts = [Markup((HERE / "page.js").read_text(encoding="utf-8")), vega_bundle()] if charts else []
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"marked": marked, "kind": lambda part: type(part).__name__, "source": source, "spec": spec}
    return environment.get_template("page.html.j2").render(
        document=document,
        css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=scripts[0] if scripts else "",
        vega=scripts[1] if scripts else "",
        config=script_json(chart_config()),
        policy=content_policy(scripts),
        credit=CREDIT if charts else "",
        folded_from=FOLDED_FROM,
    )


def marked(text: str) -> Markup:
    """Escaped text, with its code as code elements."""
    found = Markup("").join(
        Markup("<code>{}</code>").format(part) if is_code else escape(part) for part, is_code in spans(str(text))
    )
    return Markup("<strong>{}</strong>").format(found) if isinstance(text, Strong) and found else found


def source(picture: Picture) -> str:
    """The data URI of a picture; what is not base64 gives none."""
    return f"data:image/png;base64,{picture.png}" if BASE64.fullmatch(picture.png) else ""


def spec(panel: Panel) -> Markup:
    """The specification of a panel's chart, as wide as its column, in the page's colours."""
    chart = panel.chart.properties(width="container", autosize={"type": "fit-x", "contains": "padding"}).to_dict()
    del chart["$schema"], chart["config"]  # page.js passes the mode and the page's own
    return script_json(themed(chart))


def script_json(content: Any) -> Markup:
    """JSON that is inert inside a script element, whatever its strings hold. Raises ValueError on NaN."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character, replacement in FOR_SCRIPT.items():
        text = text.replace(character, replacement)
    return Markup(text)


@cache
def vega_bundle() -> Markup:
    """Vega, Vega-Lite and vega-embed as one script that sets `vegaEmbed`, safe inside a script element."""
    import vl_convert  # of the suite alone: a check has no chart

    text = vl_convert.javascript_bundle(SNIPPET, VEGA_LITE)
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def content_policy(scripts: list[Markup]) -> str:
    """A Content-Security-Policy that runs these scripts and no others, and loads nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; "
        "form-action 'none'"
    )


def chart_config() -> dict[str, Any]:
    """Vega's configuration of all of the page's charts. CSS variables make it fit light, dark and print."""
    axis = {
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "gridColor": "var(--band)",
        "domainColor": "var(--grey)",
        "tickColor": "var(--grey)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return {
        "background": None,
        "aria": False,
        "font": "system-ui, sans-serif",
        "axis": axis,
        "view": {"stroke": None},
        "text": {"color": "var(--ink)"},
    }


def _panels(parts: Iterable[Part]) -> Iterable[Panel]:
    for part in parts:
        if isinstance(part, Section | Fold):
            yield from _panels(part.parts)
        elif isinstance(part, Figure):
            yield from part.panels

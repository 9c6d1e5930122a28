"""report.html: one file that needs no network, with the verdict first and every figure's numbers beside it.

The verdict and the tables are plain HTML; the charts are Vega-Lite specifications that page.js draws after the page
has loaded, with the Vega that stands at the end of the file. Same inputs give the same bytes.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path

import pandas as pd
import vl_convert
from markupsafe import Markup

from valgap.document.parts import Section, chart_config, html_template, script_json
from valgap.findings.finding import Audit
from valgap.report import background, predictions, responses, sections
from valgap.report.audit import data_audit
from valgap.report.screen import FirstScreen
from valgap.results.provenance import Provenance
from valgap.stats.verdict import Verdict

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "document"
SNIPPET = "window.vegaEmbed = vegaEmbed;"
VEGA_LITE = "6.4"  # of those that vl-convert brings; the major version that Altair writes


def render_html(
    tables: dict[str, pd.DataFrame],
    provenance: Provenance,
    verdict: Verdict,
    first_screen: FirstScreen,
    audit: Audit,
) -> str:
    """The whole page. `tables` are the CSV tables of reports/ by name, the records its JSON files."""
    script, vega = _script("page.js"), vega_bundle()
    return html_template(HERE / "report.html.j2").render(
        screen=first_screen,
        audit=data_audit(audit),
        sections=sections_of(tables, provenance, verdict),
        thumbnails=predictions.thumbnails(tables),
        css=Markup((DOCUMENT / "page.css").read_text(encoding="utf-8")),
        script=script,
        vega=vega,
        config=script_json(chart_config()),
        policy=content_policy([script, vega]),
    )


def sections_of(tables: dict[str, pd.DataFrame], provenance: Provenance, verdict: Verdict) -> tuple[Section, ...]:
    """Everything below the first screen, in order."""
    return (
        sections.interventions(tables, verdict),
        sections.accuracy_and_gap(tables, verdict),
        sections.learning_curves(tables, verdict),
        responses.doses(tables, verdict),
        responses.policies(tables, verdict, provenance),
        predictions.reliability(tables, verdict),
        predictions.classes(tables, verdict),
        predictions.confusion(tables, verdict),
        predictions.hardest(tables),
        background.data(provenance),
        background.making(provenance),
        background.method(verdict),
    )


@cache
def vega_bundle() -> Markup:
    """Vega, Vega-Lite and vega-embed as one script that sets `vegaEmbed`, safe inside a script element."""
    text = vl_convert.javascript_bundle(SNIPPET, VEGA_LITE)
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _script(name: str) -> Markup:
    return Markup((DOCUMENT / name).read_text(encoding="utf-8"))


def content_policy(scripts: list[Markup]) -> str:
    """A Content-Security-Policy that runs these scripts and no others, and loads nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; base-uri 'none'; "
        "form-action 'none'"
    )

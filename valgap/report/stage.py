"""Report stage: what people read, made from reports/ alone. Imports no TensorFlow, needs no data and no runs.

Reads reports/*.csv, verdict.json, provenance.json and audit.json; writes reports/report.html (not in Git), report.md
and figures/ (SVG and PNG).
"""

import os
import shutil

from valgap.document import figures, html, markdown
from valgap.document.markdown import Style
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.report.document import build
from valgap.report.inputs import read

STYLE = Style(pictures=lambda name: f"{paths.FIGURES.name}/{name}.svg")


def main() -> None:
    """Render to temporary names, then replace the reports and figures/ together."""
    document = build(read())
    texts = {paths.REPORT: markdown.write(document, STYLE), paths.HTML: html.write(document)}
    partial = paths.FIGURES.with_name("figures.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        figures.save(document, partial)
        for path, text in texts.items():
            path.with_name(path.name + ".partial").write_text(text, encoding="utf-8")
        shutil.rmtree(paths.FIGURES, ignore_errors=True)
        partial.rename(paths.FIGURES)
        for path in texts:
            os.replace(path.with_name(path.name + ".partial"), path)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.REPORTS}: {error}; check its owner and free space") from None
    print(f"wrote {paths.HTML} and {paths.REPORT}")

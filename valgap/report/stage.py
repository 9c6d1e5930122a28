"""Report stage: what people read, made from reports/ alone. Imports no TensorFlow, needs no data and no runs.

Reads reports/*.csv, verdict.json, provenance.json and audit.json; writes reports/report.html (not in Git), report.md
and figures/ (SVG and PNG).
"""

import shutil

from valgap.document import figures, html, markdown
from valgap.document.markdown import Style
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.files import write_together
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
        write_together(texts)
        shutil.rmtree(paths.FIGURES, ignore_errors=True)
        partial.rename(paths.FIGURES)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.REPORTS}: {error}; check its owner and free space") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"wrote {paths.HTML} and {paths.REPORT}")

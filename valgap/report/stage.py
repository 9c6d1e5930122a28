"""Report stage: what people read, made from reports/ alone. Imports no TensorFlow, needs no data and no runs.

Reads reports/*.csv, verdict.json, provenance.json and audit.json; writes reports/report.html (not in Git), report.md
and figures/ (SVG and PNG).
"""

import os
import shutil
from pathlib import Path

import jinja2
import pandas as pd

from valgap.document.numbers import pp
from valgap.findings.finding import Audit
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.report import tables
from valgap.report.audit import audit_markdown, data_audit
from valgap.report.charts.charts import CHARTS, Tables
from valgap.report.page import render_html
from valgap.report.screen import FirstScreen, first_screen
from valgap.results.audit import read_audit
from valgap.results.provenance import Provenance, read_provenance
from valgap.results.summary import BASELINE, cell
from valgap.results.verdict import read_verdict
from valgap.stats.verdict import Verdict

PNG_SCALE = 1.5
TEMPLATE = Path(__file__).parent / "report.md.j2"
TABLES = (
    paths.SUMMARY, paths.CONTRASTS, paths.CURVES, paths.CONFUSION, paths.CLASSES, paths.RELIABILITY,
    paths.HARDEST,
)  # fmt: skip


def read_tables() -> tuple[Tables, Provenance, Verdict]:
    """The CSV tables by name, provenance.json, verdict.json. Raises SuiteError naming a missing or malformed file."""
    try:
        # a class may be named NA or None; only an empty cell is missing
        read = {path.stem: pd.read_csv(path, keep_default_na=False, na_values=[""]) for path in TABLES}
        for name in ("cause", "kind", "verdict"):
            read["contrasts"][name] = read["contrasts"][name].fillna("")
        return read, read_provenance(), read_verdict()
    except FileNotFoundError as error:
        raise SuiteError(f"{error.filename} is missing: run `dvc repro diagnose`, or restore it from Git") from None
    except ValueError as error:
        raise SuiteError(f"reports/ cannot be read ({error}): run `dvc repro -f -s evaluate diagnose`") from None


def write_figures(read: Tables, verdict: Verdict, folder: Path) -> None:
    """Render every chart to SVG and PNG below `folder`, an existing one."""
    for name, chart in CHARTS.items():
        drawn = chart(read, verdict).configure(background="white")  # legible on dark pages too
        drawn.save(folder / f"{name}.svg")
        drawn.save(folder / f"{name}.png", scale_factor=PNG_SCALE)


def render_markdown(read: Tables, provenance: Provenance, verdict: Verdict, screen: FirstScreen, audit: Audit) -> str:
    """The text of report.md."""
    shown = data_audit(audit)
    summary, contrasts, variants = read["summary"], read["contrasts"], list(provenance.variants)
    selected = [f"`{name}`" for name, v in provenance.variants.items() if (provenance.train | v.diff)["early_stopping"]]
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        screen=screen,
        audit=shown,
        audit_markdown=audit_markdown(shown),
        n=verdict.replicates,
        margin=pp(verdict.margin),
        selected=" and ".join(selected),
        train=provenance.train,
        train_images=provenance.data.train_size,
        val_images=provenance.data.val_size,
        given_validation=provenance.data.given_validation,
        results=tables.results(summary, variants, verdict.metric),
        confirmatory=tables.confirmatory(contrasts, verdict.metric),
        exploratory=tables.exploratory(contrasts, verdict.metric) if len(variants) > 1 else "",
        policies=tables.policies(summary, variants, list(verdict.policies)) if verdict.policies else "",
        descriptions=tables.descriptions(provenance),
        recalls=tables.recalls(read["classes"], variants),
        environments=tables.environments(provenance),
        sources=provenance.data.source_sha256,
        test_images=provenance.data.test_size,
        covers=verdict.covers,
        baseline=cell(summary, BASELINE, "test", "accuracy"),
        seed=provenance.seed,
        figures=list(CHARTS),
    )


def main() -> None:
    """Render to temporary names, then replace the reports and figures/ together."""
    read, provenance, verdict = read_tables()
    audit = read_audit()
    screen = first_screen(verdict, read["summary"], provenance)
    partial = paths.FIGURES.with_name("figures.partial")
    shutil.rmtree(partial, ignore_errors=True)
    texts = {
        paths.REPORT: render_markdown(read, provenance, verdict, screen, audit),
        paths.HTML: render_html(read, provenance, verdict, screen, audit),
    }
    try:
        partial.mkdir()
        write_figures(read, verdict, partial)
        for path, text in texts.items():
            path.with_name(path.name + ".partial").write_text(text, encoding="utf-8")
        shutil.rmtree(paths.FIGURES, ignore_errors=True)
        partial.rename(paths.FIGURES)
        for path in texts:
            os.replace(path.with_name(path.name + ".partial"), path)
    except OSError as error:
        raise SuiteError(f"cannot write {paths.REPORTS}: {error}; check its owner and free space") from None
    print(f"wrote {paths.HTML} and {paths.REPORT}")

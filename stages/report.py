"""Report stage: what people read, made from reports/ alone. Imports no TensorFlow, needs no data and no runs.

Reads reports/*.csv and provenance.json; writes reports/report.md and reports/figures/ (SVG and PNG).
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from stages.errors import SuiteError, run_stage
from stages.paths import reports
from stages.render import tables
from stages.render.charts import CHARTS, Tables
from stages.render.findings import BASELINE, Finding, cell, findings

PNG_SCALE = 1.5
TEMPLATE = Path(__file__).parent / "render" / "report.md.j2"
SENTENCES = {
    "higher": ("It is higher than the baseline's with {}.", "No variant is shown to raise it."),
    "lower": ("It is lower with {}.", ""),
    "unclear": ("No difference is shown for {}: the interval includes 0, which does not prove that there is none.", ""),
    "unknown": ("A single replicate has no interval, so nothing is known of {}.", ""),
}


def read_tables() -> tuple[Tables, dict[str, Any]]:
    """The CSV tables by name and provenance.json. Raises SuiteError naming a file that is missing or malformed."""
    try:
        paths = (reports.SUMMARY, reports.CURVES, reports.CONFUSION, reports.CLASSES)
        read = {path.stem: pd.read_csv(path) for path in paths}
        return read, json.loads(reports.PROVENANCE.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SuiteError(f"{error.filename} is missing: run `dvc repro evaluate`, or restore it from Git") from None
    except ValueError as error:
        raise SuiteError(f"reports/ cannot be read ({error}): run `dvc repro -f -s evaluate`") from None


def write_figures(read: Tables, variants: list[str], folder: Path) -> None:
    """Render every chart to SVG and PNG below `folder`, an existing one."""
    for name, chart in CHARTS.items():
        drawn = chart(read, variants).configure(background="white")  # legible on dark pages too
        drawn.save(folder / f"{name}.svg")
        drawn.save(folder / f"{name}.png", scale_factor=PNG_SCALE)


def render_markdown(read: Tables, provenance: dict[str, Any]) -> str:
    """The text of report.md."""
    summary, variants = read["summary"], list(provenance["variants"])
    found = findings(summary, variants)
    selected = [
        f"`{name}`" for name, v in provenance["variants"].items() if (provenance["train"] | v["diff"])["early_stopping"]
    ]
    base = {name: cell(summary, BASELINE, name, "accuracy") for name in ("train", "val", "test")}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        variants=variants,
        n=provenance["replicates"],
        base=base | {"gap": cell(summary, BASELINE, "train-val", "gap")},
        findings=found,
        selected=" and ".join(selected),
        train=provenance["train"],
        train_images=provenance["data"]["train_size"],
        val_images=provenance["data"]["val_size"],
        test_images=provenance["data"]["test"]["images"],
        results=tables.results(summary, variants),
        contrasts=tables.contrasts(found),
        descriptions=tables.descriptions(provenance),
        recalls=tables.recalls(read["classes"], variants),
        environments=tables.environments(provenance),
        sources=provenance["data"]["source_sha256"],
        seed=provenance["seed"],
        underfitting=[finding for finding in found if finding.underfits],
        sentences=" ".join(filter(None, (sentence(found, direction) for direction in SENTENCES))),
        percent=tables.percent,
        pp=tables.pp,
        signed=tables.signed,
    )  # fmt: skip


def sentence(found: list[Finding], direction: str) -> str:
    """Which variants' test accuracy compares so with the baseline's, each with its difference and interval."""
    some, none = SENTENCES[direction]
    parts = [
        f"`{f.variant}` ({tables.signed(f.test.difference)} pp, {tables.signed(f.test.difference_low)} to "
        f"{tables.signed(f.test.difference_high)})"
        for f in found
        if f.direction == direction
    ]
    return some.format(", ".join(parts)) if parts else none


def main() -> None:
    """Render to temporary names, then replace report.md and figures/ together."""
    read, provenance = read_tables()
    partial = reports.FIGURES.with_name("figures.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        write_figures(read, list(provenance["variants"]), partial)
        text = reports.REPORT.with_name("report.md.partial")
        text.write_text(render_markdown(read, provenance), encoding="utf-8")
        shutil.rmtree(reports.FIGURES, ignore_errors=True)
        partial.rename(reports.FIGURES)
        os.replace(text, reports.REPORT)
    except OSError as error:
        raise SuiteError(f"cannot write {reports.REPORTS}: {error}; check its owner and free space") from None
    print(f"wrote {reports.REPORT}")


if __name__ == "__main__":
    run_stage(main)

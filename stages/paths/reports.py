"""Paths of what is shown to people."""

from pathlib import Path

REPORTS = Path("reports")
METRICS = REPORTS / "metrics.json"
RESULTS = REPORTS / "results.csv"
SUMMARY = REPORTS / "summary.csv"
CURVES = REPORTS / "curves.csv"
CLASSES = REPORTS / "classes.csv"
CONFUSION = REPORTS / "confusion.csv"
RELIABILITY = REPORTS / "reliability.csv"
HARDEST = REPORTS / "hardest.csv"
CONTRASTS = REPORTS / "contrasts.csv"
DIAGNOSIS = REPORTS / "diagnosis.json"
VERDICT = REPORTS / "verdict.json"
AUDIT = REPORTS / "audit.json"
PROVENANCE = REPORTS / "provenance.json"
HTML = REPORTS / "report.html"
REPORT = REPORTS / "report.md"
FIGURES = REPORTS / "figures"

"""Paths of what is shown to people."""

from pathlib import Path

REPORTS = Path("reports")
METRICS = REPORTS / "metrics.json"
RESULTS = REPORTS / "results.csv"
SUMMARY = REPORTS / "summary.csv"
CURVES = REPORTS / "curves.csv"
CLASSES = REPORTS / "classes.csv"
CONFUSION = REPORTS / "confusion.csv"
PROVENANCE = REPORTS / "provenance.json"
REPORT = REPORTS / "report.md"
FIGURES = REPORTS / "figures"

"""The pipeline's stages and the rooms they share. Data flows one way.

    source --prepare--> data/prepared/ --train@<variant>-<block>--> runs/
    runs/ --evaluate--> reports/*.csv, metrics.json
    runs/ --diagnose--> reports/contrasts.csv, verdict.json, diagnosis.json
    reports/*.csv, verdict.json --report--> reports/report.html, report.md, figures/

Entry points, one module a stage: prepare, train, evaluate, diagnose, report (`python -m stages.<name>`), and the
commands around them: repro, plan, more, review, verify, selfcheck.
Rooms: params (reads params.yaml), paths (spells paths), data (sources, splits, predictions), model (network,
augmentation, losses, loop), compute (where replicates run), stats (scores, intervals, verdicts), planning
(what a run would cost and show), render (charts, tables, pages), reviewing (what changed against a revision),
verifying (whether a retraining gives what was claimed).
"""

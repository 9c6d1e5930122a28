"""The pipeline's stages and the rooms they share. Data flows one way.

    source --prepare--> data/prepared/, reports/audit.json
    data/prepared/ --models--> every network is built and checked --train@<variant>-<block>--> runs/
    runs/ --evaluate--> reports/*.csv, metrics.json
    runs/ --diagnose--> reports/contrasts.csv, verdict.json, diagnosis.json
    reports/*.csv, audit.json, verdict.json --report--> reports/report.html, report.md, figures/

Entry points, one module a stage: prepare, models, train, evaluate, diagnose, report (`python -m stages.<name>`), and
the commands around them: bench, check, export, more, plan, repro, review, selfcheck, verify.
Rooms: params (reads params.yaml), paths (spells paths), data (sources, splits, predictions), audit (what may be wrong
with the data), model (builders and their contract, knobs, augmentation, losses, loop), compute (where replicates run:
cores, GPUs, a cluster), stats (scores, intervals, verdicts), planning (what a run would cost and show), reproducing
(DVC as a child, or several side by side), benchmarking (images a second, costs), render (charts, tables, pages),
checking (a saved model on given images), reviewing (what changed against a revision), verifying (whether a retraining
gives what was claimed).
"""

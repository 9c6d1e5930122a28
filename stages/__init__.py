"""The pipeline's stages and the rooms they share. Data flows one way.

    source --prepare--> data/prepared/ --train@<variant>-<block>--> runs/ --evaluate--> reports/*.csv, metrics.json
                                                                                          |
                                                     reports/report.md, figures/ <--report--

Entry points, one module a stage: prepare, train, evaluate, report (`python -m stages.<name>`).
Rooms: params (reads params.yaml), paths (spells paths), data (sources, splits), model (network,
augmentation, loop), compute (where replicates run), stats (scores, intervals), render (charts, tables).
"""

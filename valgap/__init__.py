"""A CNN does well on training data and poorly on validation data: is the gap real, what causes it, what helps.

Public names, each imported when it is used: `check`, `preflight`, `GapCallback`, `SuiteError`, `__version__`.

    >>> import valgap
    >>> valgap.check("my.keras", "photos")
    >>> valgap.check(model, train, val)

Data flows one way:

    source --prepare--> data/prepared/, reports/audit.json
    data/prepared/ --models--> every network is built and checked --train@<variant>-<block>--> runs/
    the user's own history or saved model --symptom--> runs/seen.json, where params.yaml names one
    runs/ --evaluate--> reports/*.csv, metrics.json, metrics/
    runs/ --diagnose--> reports/contrasts.csv, verdict.json, diagnosis.json
    reports/*.csv, audit.json, verdict.json --report--> reports/report.html, report.md, figures/

So do imports. A room imports only rooms above it; commands and stages import rooms, never each other.

    ground     errors, params.yaml, paths, streams of randomness, files, process lifetime, facts of the host
    cli        the command `valgap`: one table of subcommands
    data       sources and their registry, decoding, splits, prepared arrays
    findings   what is wrong with the data
    training   everything that decides a replicate's bits, and nothing else
    compute    where jobs run: processes, placement, the replicate store, a Ray cluster
    stats      numbers in, numbers out: intervals, metrics, contrasts, verdicts, diagnosis
    diagnostics  what a model, an input pipeline and a history give away
    models     which knobs bite on a network; the stage that asks it of every variant
    results    what lies in runs/ and reports/
    document   tables, figures and sections; numbers in words; Markdown and HTML
    report     the comparison report
    pipeline   DVC and Git from Python
    costs      estimates, the probe of this machine, the budget

Commands: check, init, params, plan, repro, more, review, export, track, verify, calibrate, selfcheck. Stages: prepare,
models, symptom, train, evaluate, diagnose, looks, report (`python -m stages.<name>`, which DVC runs).
"""

import importlib
from typing import TYPE_CHECKING, Any

from valgap.ground.version import __version__

if TYPE_CHECKING:
    from valgap.check import GapCallback, check, preflight
    from valgap.ground.errors import SuiteError

__all__ = ["GapCallback", "SuiteError", "__version__", "check", "preflight"]

_HOMES = {  # of a public name: the module that defines it
    "GapCallback": "valgap.check.callback",
    "SuiteError": "valgap.ground.errors",
    "preflight": "valgap.check.preflight",
}


if not TYPE_CHECKING:  # or every name would have a type

    def __getattr__(name: str) -> Any:
        if name == "check":  # a room that can be called: its import binds the name to it
            return importlib.import_module("valgap.check")
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'valgap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

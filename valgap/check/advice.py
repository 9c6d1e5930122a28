"""What to do after a check, with the lines of params.yaml that it takes. The texts are in words.yaml."""

import json

from valgap.check import words
from valgap.check.result import Result
from valgap.check.words import say
from valgap.findings.finding import PROBLEM_SHARE


def steps(result: Result) -> list[str]:
    """What to do next, the most important first."""
    return [say(f"next.{reason}") for reason in reasons(result)]


def reasons(result: Result) -> list[str]:
    """Why something is to be done, the most important first; what spoils every score stands alone."""
    if result.reordered:
        return ["order"]
    if words.chance(result):
        return ["chance"]
    leaked = result.leaked and result.leaked >= PROBLEM_SHARE * result.scores[result.held_out or ""].images
    known = {
        "leak": leaked,
        "one_split": result.gap is None,
        "gap": result.gap is not None and result.gap.low > 0,
        "fit": words.fit(result),
        "confidence": words.confidence(result),
        "balanced": result.balanced,
    }
    return [reason for reason, holds in known.items() if holds] or ["nothing"]


def params_yaml(result: Result, path: str, group_pattern: str | None) -> str:
    """The lines of params.yaml that give the suite these images, split as they are, and a model of the user's."""
    _, height, width, channels = result.predicted.images.images.shape
    sizes = {f"{name}_size": "all" if name in result.scores else "0.2" for name in ("val", "test")}
    return say(
        "params.lines",
        path=json.dumps(path),  # JSON is YAML, and keeps a name on its line
        height=height,
        width=width,
        color="grey" if channels == 1 else "rgb",
        group_pattern=json.dumps(group_pattern),
        **sizes,
    )

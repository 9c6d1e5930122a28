"""What a check says of a result as a whole: its verdict, and what to do next. The texts are in words.yaml."""

import json
import math
import os

from valgap.check.explained import agreement
from valgap.check.judging import MARGIN, leaks, primary
from valgap.check.phrases import called, say
from valgap.check.result import Result
from valgap.check.stated import Stated
from valgap.data.layouts.tree import TABLES
from valgap.stats.intervals import Interval

NAMED = 2  # findings that the verdict names
HINTS = {
    "VG108", "VG109", "VG110", "VG111", "VG112", "VG113", "VG114", "VG121", "VG124", "VG128", "VG129", "VG208", "VG210",
    "VG211", "VG213", "VG214",
}  # fmt: skip
# Of no problem: they do not stand in an experiment's way.
TIMID = HINTS | {"VG103", "VG116", "VG401", "VG402", "VG403", "VG406"}


def measure(result: Result) -> str:
    """What the gap is of."""
    return say("measure.balanced" if result.balanced else "measure.accuracy")


def judged(result: Result) -> str:
    """What images off training are called here."""
    return called(result.held_out or result.fitted)


def verdict(result: Result, findings: tuple[Stated, ...]) -> str:
    """The check in a few sentences: what was seen, what must be mended first, the gap."""
    sentences = [seen(result)]
    serious = [each for each in findings if must_be_mended(each)]
    sentences += [say("verdict.first", title=each.title) for each in serious[:NAMED]]
    if not any(each.code == "VG009" for each in serious):
        sentences.append(of_gap(result))
    return " ".join(filter(None, sentences))


def must_be_mended(finding: Stated) -> bool:
    """Whether a finding says that the data, the model or the reading is to be mended before any experiment."""
    return finding.severity == "problem" or (finding.severity == "worth a look" and finding.code not in TIMID)


def seen(result: Result) -> str:
    """Whether fair scoring finds what the user saw; empty where nothing was said."""
    found = agreement(result.predicted.seen)
    if not found:
        return ""
    shares = {
        kind: ", ".join(
            say("verdict.share", share=each.evidence[kind], split=called(split)) for split, each in found.items()
        )
        for kind in ("seen", "fair")
    }
    agrees = all(each.severity == "fine" for each in found.values())
    return say("verdict.agrees" if agrees else "verdict.seen", **shares)


def of_gap(result: Result) -> str:
    """The gap and whether it is real."""
    if result.gap is None or result.held_out is None:
        return say("verdict.one_split", accuracy=result.scores[result.fitted].accuracy)
    return say(
        "verdict.gap",
        measure=measure(result),
        train=primary(result, "train"),
        held=primary(result, result.held_out),
        judged=judged(result),
        gap=result.gap,
        ending=say(f"verdict.{reality(result.gap)}", judged=judged(result)),
    )


def reality(gap: Interval) -> str:
    """Which ending the verdict on a gap takes."""
    if math.isnan(gap.low):
        return "one_group"
    if gap.low > 0:
        return "small" if gap.high < MARGIN else "real"
    return "negative" if gap.high < 0 else "luck"


def steps(result: Result, findings: tuple[Stated, ...]) -> list[str]:
    """What to do next, the most important first. No experiment is proposed while something must be mended first."""
    first = [each for each in findings if must_be_mended(each)]
    if first:
        cures = [say("next.cure", title=each.title, cure=each.cure) for each in first[:3] if each.cure]
        return [*cures, say("next.again")]
    codes = {each.code for each in findings if each.severity == "worth a look"}
    known = {
        "leak": leaks(result),
        "one_split": result.gap is None,
        "gap": "VG213" in codes,
        "fit": "VG208" in codes,
        "confidence": "VG210" in codes,
        "balanced": result.balanced,
    }
    reasons = [reason for reason, holds in known.items() if holds]
    return [say(f"next.{reason}") for reason in reasons or (["look"] if codes - {"VG211", "VG214"} else ["nothing"])]


def params_yaml(result: Result, path: str, group_pattern: str | None) -> str:
    """The lines of params.yaml that give the suite these images, split as they are, and a model of the user's."""
    _, height, width, channels = result.predicted.images.images.shape
    folder, file = os.path.split(path)
    table = file if file.lower().endswith(TABLES) else None
    sizes = {f"{name}_size": "all" if name in result.scores else "0.2" for name in ("val", "test")}
    return say(
        "params.lines",
        source="folder" if table is None else "table",
        path=json.dumps(path if table is None else folder or "."),  # JSON is YAML, and keeps a name on its line
        table=json.dumps(table),
        height=height,
        width=width,
        color="grey" if channels == 1 else "rgb",
        group_pattern=json.dumps(group_pattern),
        **sizes,
    )

"""The paragraph with which a run ends: the fair gap, and what the curves give away."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from valgap.check.callback.scoring import Scored
from valgap.diagnostics.history.read import read_history
from valgap.diagnostics.history.rules import read_rules
from valgap.diagnostics.seen import Seen
from valgap.document.prose import Prose
from valgap.ground.errors import SuiteError

LOWER = 0.02  # of accuracy, by which a log's training accuracy lies below the fair one, so that it is said
BEYOND = 0.1  # of accuracy, by which the fair one lies above the log's, so that it has learnt
TOLD = 2  # findings at most: it is one paragraph

say = Prose(Path(__file__).with_name("words.yaml"))
fault = Prose(Path(__file__).parents[1] / "faults" / "history.yaml")


def findings(logs: Mapping[str, Sequence[float]], scored: Scored | None) -> list[Seen]:
    """What the rules on histories see in the logs of a run; the fair gap settles what the log's numbers leave open."""
    try:
        seen = read_rules(read_history(dict(logs)))
    except SuiteError:  # no loss and no accuracy was compiled
        return []
    if scored is not None:  # how training compares with validation is known now
        seen = [each for each in seen if each.code != "VG406" or each.severity == "fine"]
        seen = [each for each in seen if each.code != "VG405" or scored.train.low < each.evidence["accuracy"] + BEYOND]
    return seen


def paragraph(
    logs: Mapping[str, Sequence[float]], seen: Sequence[Seen], scored: Scored | None, cost: float, budget: float
) -> str:
    """One paragraph in Markdown. `cost` and `budget` are shares of the training time."""
    parts = [say("closing.unscored", budget=budget)] if scored is None else _gap(logs, scored)
    for each in [each for each in seen if each.severity in ("problem", "worth a look")][:TOLD]:
        texts = {part: fault(f"{each.code}.{part}", **each.evidence) for part in ("title", "found", "cure")}
        parts.append(f"**{texts['title']}.** {texts['found']} {texts['cure']}")
    if any(each.code == "VG408" and each.severity == "fine" for each in seen):
        parts.append(fault("VG408.title", **next(each.evidence for each in seen if each.code == "VG408")) + ".")
    if scored is not None:
        parts.append(say("closing.cost", share=cost))
    return " ".join(parts)


def _gap(logs: Mapping[str, Sequence[float]], scored: Scored) -> list[str]:
    gap = scored.gap
    ending = "real" if gap.low > 0 else "negative" if gap.high < 0 else "luck"
    parts = [say("closing.gap", gap=gap, train=scored.train, val=scored.val), say(f"closing.{ending}")]
    own = read_history({name: values[-1:] for name, values in logs.items()}) if logs else None
    if own is not None and own.accuracy is not None and own.val_accuracy is not None:
        fit, held = float(own.accuracy[-1]), float(own.val_accuracy[-1])
        lower = scored.train.mean - fit > LOWER
        parts.append(say("closing.logged", accuracy=fit, val_accuracy=held, difference=fit - held, lower=lower))
    return parts

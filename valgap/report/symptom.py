"""What the report begins with where params.yaml says what made the user come: does the baseline reproduce it?"""

import shlex

from valgap.document.numbers import NATS, PERCENT, PP, Form
from valgap.document.parts import Code, Part, Table
from valgap.document.text import plain
from valgap.report.inputs import Inputs
from valgap.report.words import sentence
from valgap.stats.seen import Expected, Reproduction

NAMES = {
    "train_accuracy": "training accuracy",
    "val_accuracy": "validation accuracy",
    "gap": "gap",
    "test_accuracy": "test accuracy",
    "train_loss": "training loss (nats)",
    "val_loss": "validation loss (nats)",
}
SUSPECTS = ("vanishes", "larger", "validation worse")  # words that lead to the user's own code
PATH = 120  # characters of a path in a command


def symptom(inputs: Inputs) -> tuple[Part, ...]:
    """Whether the baseline reproduces it, the numbers, and the next command where the user's code is the suspect."""
    found = inputs.verdict.symptom
    if found is None:
        return ()
    parts: list[Part] = [_verdict(inputs, found)]
    if found.otherwise and found.verdict != "unknown":
        reasons = [sentence(f"symptom_why.{reason}") for reason in found.otherwise]
        parts.append(sentence("symptom_otherwise", reasons=reasons, evaluate=found.seen.source == "accuracies"))
    if found.verdict in SUSPECTS:
        parts.append(Code(_in_python(found), "python"))
    return (*parts, _table(inputs, found))


def _verdict(inputs: Inputs, found: Reproduction) -> str:
    key = found.verdict.replace(" ", "_")
    data = inputs.provenance.data
    return sentence(
        f"symptom_{key}",
        gap=found.value("gap"),
        train=found.value("train_accuracy"),
        val=found.value("val_accuracy"),
        limits={each.name: _limits(each) for each in found.values},
        others=" ".join(_other(each) for each in found.values if each.verdict in ("below", "above")),
        suspect=sentence(
            "symptom_suspect",
            given=data.given_validation,
            shell=_in_a_shell(found),
            scored=found.seen.source == "model",
        ),
        images=data.train_size,
        fitted=found.seen.by == "fit",
    )


def _other(value: Expected) -> str:
    return sentence("symptom_other", name=NAMES[value.name], value=value, limits=_limits(value))


def _in_python(found: Reproduction) -> str:
    """The check of the very objects that are passed to fit."""
    seen = found.seen
    model = repr(seen.file) if seen.source == "model" else "model"
    history = f", history={seen.file!r}" if seen.source == "history" else ""
    return f"import valgap\n\nvalgap.check({model}, train, val, saw=({_saw(found, ', ')}){history})"


def _in_a_shell(found: Reproduction) -> str:
    """The check of a saved model on images in folders; empty where the user's images are no files."""
    if found.images is None:
        return ""
    seen = found.seen
    model = _quoted(seen.file) if seen.source == "model" else "my.keras"
    history = f" --history {_quoted(seen.file)}" if seen.source == "history" else ""
    return f"valgap check {model} {_quoted(found.images)} --saw {_saw(found, ',')}{history}"


def _quoted(path: str | None) -> str:
    return shlex.quote(plain(path, PATH))


def _saw(found: Reproduction, between: str) -> str:
    return between.join(f"{round(value, 4):g}" for value in (found.seen.train_accuracy, found.seen.val_accuracy))


def _table(inputs: Inputs, found: Reproduction) -> Table:
    caption = sentence("symptom_table", seen=found.seen, n=found.n, margin=inputs.verdict.margin)
    headings = ("", "yours is", "you saw", "baseline", "one more run")
    return Table(caption, headings, tuple(_row(each) for each in found.values), texts=2, folded=False)


def _row(value: Expected) -> tuple[str, ...]:
    form = _form(value.name)
    between = form.limits(value.low, value.high)
    return NAMES[value.name], value.verdict, form(value.seen), form(value.mean), between


def _limits(value: Expected) -> str:
    form = _form(value.name)
    return form.limits(value.low, value.high) + form.unit


def _form(name: str) -> Form:
    return NATS if name.endswith("loss") else PP if name == "gap" else PERCENT

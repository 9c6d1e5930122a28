"""Which column of a history is which: loss and accuracy, of training and of validation, and the learning rate."""

import re
from collections.abc import Iterable, Mapping

ACCURACIES = ("accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy")
RATES = ("learning_rate", "lr")
OWN = re.compile(r"(^|_)fair_")  # what the suite's own callback logs beside what was compiled
OF_MANY = re.compile(r"(^|_)top_?(k|\d+)")  # counts an image as right where any of several names is
PREFIXES = (("validation_", "val_"), ("valid_", "val_"), ("training_", ""), ("train_", ""))


def plain(name: str) -> str:
    """A name as Keras would write it: `Validation Loss`, `valid_loss` and `epoch_val_loss` are `val_loss`."""
    found = re.sub(r"[\s\-/.]+", "_", name.strip().lower()).removeprefix("epoch_")
    for theirs, ours in PREFIXES:
        if found.startswith(theirs):
            return ours + found.removeprefix(theirs)
    return found


def accuracy_name(names: Iterable[str]) -> str | None:
    """The plain name of the accuracy to read among plain names, without `val_`; None where there is none.

    Keras's own names first, then `<output>_accuracy`; one that validation has as well before one that it lacks.
    """
    known = list(names)
    bare = list(dict.fromkeys(name.removeprefix("val_") for name in known))
    fit = [name for name in bare if not OWN.search(name) and not OF_MANY.search(name)]
    ranked = [name for name in ACCURACIES if name in fit]
    ranked += [name for name in fit if name not in ranked and name.endswith(("_accuracy", "_acc"))]
    both = [name for name in ranked if name in known and f"val_{name}" in known]
    return next(iter(both + ranked), None)


def columns(names: Iterable[str]) -> Mapping[str, str]:
    """For each curve of `Curves` that is there, the column that has it, as it is called in the history."""
    of: dict[str, str] = {}
    for name in names:
        of.setdefault(plain(name), name)  # the first of two that mean the same
    wanted = {"loss": "loss", "val_loss": "val_loss"}
    if metric := accuracy_name(of):
        wanted |= {"accuracy": metric, "val_accuracy": f"val_{metric}"}
    wanted |= {"learning_rate": next((rate for rate in RATES if rate in of), "")}
    return {curve: of[name] for curve, name in wanted.items() if name in of}

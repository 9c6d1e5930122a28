"""The arms that every trial's diagnosis may choose from, and the causes that they intervene on. Pure functions."""

import dataclasses

from valgap.ground.params.experiment import Train
from valgap.ground.records import Plain

DROPOUT = {"light_dropout": [0.1, 0.1, 0.25], "dropout": [0.25, 0.25, 0.5]}
L2 = 0.001
MILD = {"rotation_degrees": 5.0, "width_shift": 0.05, "height_shift": 0.05}
REMEDIES = ("class_weights", "oversampling", "logit_adjustment")


def arms(train: Plain, given: bool, unequal: bool) -> tuple[dict[str, Plain], dict[str, Plain]]:
    """(variants, causes) for a baseline's `train` block, as params.yaml has them.

    An arm that would be the baseline is left out. `given` says that the source brings validation images, `unequal` that
    the classes to learn from differ in size.
    """
    found: dict[str, Plain] = {"baseline": {}}
    causes: dict[str, dict[str, list[str]]] = {}
    augmented, regularized = bool(train.get("augmentation")), any(train.get("dropout", [])) or train.get("l2_penalty")

    def add(name: str, diff: Plain, cause: str, kind: str = "removes") -> None:
        if any(train.get(key) != value for key, value in diff.items()):
            found[name] = diff
            causes.setdefault(cause, {}).setdefault(kind, []).append(name)

    add("double_data", {"train_size_factor": 2}, "data")
    add("half_data", {"train_size_factor": 0.5}, "data", "injects")
    if "suspects" in {field.name for field in dataclasses.fields(Train)}:
        add("without_suspects", {"suspects": "leave_out"}, "labels")
    add("longer", {"steps": 3 * train["steps"]}, "training")
    add("rate_up", {"learning_rate": 3 * train["learning_rate"]}, "training")
    add("rate_down", {"learning_rate": train["learning_rate"] / 3}, "training")
    add("ema", {"ema_momentum": 0.99}, "training")
    add("narrow", {"width": train["width"] / 2}, "capacity")
    if train.get("head") != "pooling":
        add("pooling_head", {"head": "pooling"}, "capacity")
    add("wide", {"width": 2 * train["width"]}, "capacity", "opposes")
    if augmented:
        add("no_augmentation", {"augmentation": {}}, "augmentation")
    add("mild_augmentation", {"augmentation": MILD}, "augmentation", "removes" if augmented else "opposes")
    for name, rates in DROPOUT.items():
        less = sum(rates) < sum(train.get("dropout", []))
        add(name, {"dropout": rates}, "regularization", "opposes" if less else "removes")
    add("l2", {"l2_penalty": L2}, "regularization", "opposes" if train.get("l2_penalty", 0) > L2 else "removes")
    if regularized:
        none = {name: value for name, value in (("dropout", [0, 0, 0]), ("l2_penalty", 0.0)) if train.get(name)}
        add("no_regularization", none, "regularization", "opposes")
    if unequal:
        for remedy in REMEDIES:
            add(remedy, {"class_remedy": remedy}, "imbalance")
    if given:
        found["resplit"] = {"resplit": True}
    return found, causes

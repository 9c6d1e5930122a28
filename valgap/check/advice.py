"""What to do after a check, with the lines of params.yaml that it takes. Pure functions to text."""

import json

from valgap.check import words
from valgap.check.result import Result
from valgap.findings.finding import PROBLEM_SHARE


def steps(result: Result) -> list[str]:
    """What to do next, the most important first."""
    again = "then run this check again."
    if result.reordered:
        return [f"Mend the order of the classes, {again}"]
    if words.chance(result):
        return [f"Find the images, classes and preprocessing that belong to this model, {again}"]
    found = []
    if result.leaked and result.leaked >= PROBLEM_SHARE * result.scores[result.held_out or ""].images:
        found.append(f"Take the duplicates out of one side, {again}")
    if result.gap is None:
        found.append("Sort the images into `train/` and `val/` as they were in training, and the gap can be told.")
    elif result.gap.low > 0:
        found.append(
            "Why, only changes can tell: `make repro` trains variants that each change one thing over the same draws. "
            "Of `params.yaml`: `half_data` (less data), `dropout`, `l2`, `early_stopping`, `ema` (regularization), "
            "`narrow`, `pooling_head` (capacity), `augmentation`. `make plan BUDGET=2h` says what that time could show."
        )
    if words.fit(result):
        found.append(
            "For underfitting declare variants such as `longer: {steps: 2880}` and `wide: {width: 2}`, and one with "
            "less of the regularization that you use; look at training accuracy first."
        )
    if words.confidence(result):
        found.append(
            "For confidence read `test_nll` and `test_ece` of `early_stopping`, `ema` and `label_smoothing: "
            "{label_smoothing: 0.1}`; `review.primary: test_nll` judges changes by it."
        )
    if result.balanced:
        found.append(
            "Classes are unequal, so balanced accuracy decides; variants with `class_remedy: logit_adjustment` or "
            "`class_remedy: oversampling` act on it."
        )
    return found or ["Nothing here asks for an experiment; more held-out images would narrow the intervals."]


def params_yaml(result: Result, path: str, group_pattern: str | None) -> str:
    """The lines of params.yaml that give the suite these images, split as they are, and a model of the user's."""
    _, height, width, channels = result.predicted.images.images.shape
    sizes = {name: "all" if name in result.scores else "0.2" for name in ("val", "test")}
    return (
        "data:\n"
        "  source: folder\n"
        f"  path: {json.dumps(path)}\n"  # JSON is YAML, and keeps a name on its line
        f"  image_size: [{height}, {width}]\n"
        f"  color: {'grey' if channels == 1 else 'rgb'}\n"
        f"  group_pattern: {json.dumps(group_pattern)}\n"
        "  allowed_transforms: []  # name the augmentations that leave a label what it is\n"
        "split:\n"
        f"  train_size: all\n  val_size: {sizes['val']}\n  test_size: {sizes['test']}\n"
        "model:\n"
        "  builder: package.module:function  # builds your network; `cnn` and `resnet` are the suite's own\n"
        "  files: package  # the folder that holds it\n"
    )

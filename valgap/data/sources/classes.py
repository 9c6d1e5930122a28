"""Which classes can be learned and told apart."""

import collections
from collections.abc import Sequence

from valgap.data.names import listing, shown
from valgap.ground.errors import SuiteError
from valgap.ground.naming import alike, shortened, spelt, trouble


def check_classes(labels: Sequence[str], given: Sequence[str], class_names: Sequence[str], where: str) -> None:
    """Raise SuiteError on classes that cannot be learned or told apart; `labels` and `given` are of each image."""
    if confused := [" and ".join(map(spelt, names)) for names in alike(class_names)]:
        raise SuiteError(
            f"classes of {where} that look alike, or differ in case or spaces alone: {listing(confused)}; rename one"
        )
    if refused := [f"{shortened(name)!r} {why}" for name in class_names if (why := trouble(name))]:
        raise SuiteError(f"classes of {where} have a name that cannot be used: {listing(refused, '; ')}; rename them")
    if len(class_names) < 2:
        raise SuiteError(f"{where} has one class only, {listing(class_names)}: there is nothing to tell apart")
    trained = collections.Counter(
        label for label, split in zip(labels, given, strict=True) if split not in ("val", "test")
    )
    unknown = sorted(set(labels) - set(trained))
    if trained and unknown:
        raise SuiteError(
            f"classes of {where} that validation or test images have but no training image: {listing(unknown)}; "
            "add training images, or remove the class"
        )
    if few := [f"{shown(name)} has {trained[name]}" for name in class_names if trained[name] < 2]:
        raise SuiteError(
            f"classes of {where} with less than 2 images to train on: {listing(few)}; add images, or remove the class"
        )

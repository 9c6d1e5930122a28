"""The healthy trials in which faults are planted: a data set, a network and a recipe that leaves little to gain.

The healthy ones were tuned by hand until none of three times the steps, twice the images and twice the width raised
test accuracy by 1 pp; docs/calibration.md has the numbers. `few-garments` and the stripes are for faults that need a
setting of their own, and are not called healthy.
"""

import dataclasses

from valgap.ground.records import Plain


@dataclasses.dataclass(frozen=True)
class Setting:
    """What trials of one kind share.

    `train` are the images that a replicate trains on; twice as many stand by, for the arm that doubles them, and `val`
    more. `recipe` is the `train` block. `healthy` says whether nothing is known to be wrong with it.
    """

    name: str
    data_set: str
    builder: str
    train: int
    val: int
    test: int
    recipe: Plain
    healthy: bool = True


def _recipe(steps: int, learning_rate: float, **others: object) -> Plain:
    return {
        "steps": steps,
        "batch_size": 64,
        "learning_rate": learning_rate,
        "schedule": "cosine",
        "width": 0.5,
        "dropout": [0, 0, 0.1],
        "curve_points": 6,
        "curve_train_images": 300,
    } | others


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("garments-cnn", "garments", "cnn", 2400, 500, 1500, _recipe(640, 0.01)),
        Setting(
            "garments-norm", "garments", "cnn", 2400, 500, 1500, _recipe(640, 0.004, batch_norm=True, dropout=[0, 0, 0])
        ),
        Setting("digits-cnn", "digits", "cnn", 440, 120, 440, _recipe(320, 0.006)),
        Setting(
            "digits-pooling", "digits", "cnn", 440, 120, 440,
            _recipe(640, 0.01, width=1, head="pooling", dropout=[0, 0, 0]),
        ),
        Setting(
            "few-garments", "garments", "cnn", 200, 500, 1500, _recipe(640, 0.003, dropout=[0.25, 0.25, 0.5]), False
        ),
        Setting(
            "stripes-pooling", "stripes", "cnn", 250, 500, 1500, _recipe(480, 0.01, head="pooling"), False
        ),
        Setting(
            "stripes-dropout", "stripes", "cnn", 250, 500, 1500, _recipe(640, 0.003, dropout=[0.25, 0.25, 0.5]), False
        ),
        Setting("stripes-dense", "stripes", "cnn", 250, 500, 1500, _recipe(480, 0.003), False),
    )
}  # fmt: skip
USUAL = tuple(name for name, setting in SETTINGS.items() if setting.healthy)

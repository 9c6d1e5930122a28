"""`valgap check my.keras photos`: a user's saved model, scored fairly on a user's images. Trains nothing.

Reads the model's file, the folder (`train/`, `val/` and perhaps `test/`, each of class folders, or class folders
alone) and block compute of params.yaml. Prints Markdown; --out writes check.md and check.html too. TensorFlow
lives in a worker process. Ends with 0 whatever it finds, with 1 on what a user can mend, with 2 on a usage error.
"""

import dataclasses
import os
import tempfile
from pathlib import Path

import click
import numpy as np

from valgap.check import loading, prediction
from valgap.check.document import Checked, build
from valgap.check.result import Result, assemble
from valgap.cli import options
from valgap.compute import pool
from valgap.compute.placement import place
from valgap.findings.audit import audit
from valgap.findings.leakage import leaked
from valgap.ground import paths
from valgap.ground.errors import SuiteError
from valgap.ground.lifetime import die_with_parent
from valgap.ground.params.experiment import Compute, Data

SEED = 0  # of the audit's samples


def images_of(folder: str, group_pattern: str | None) -> Data:
    """How the folder is read; the model's input decides size and color. Raises SuiteError on a bad pattern."""
    try:
        return Data(
            source="folder", path=folder, name=None, table=None, image_size=None, resize="stretch", color="auto",
            on_unreadable="skip", group_column=None, group_pattern=group_pattern, allowed_transforms=None,
        )  # fmt: skip
    except SuiteError as error:
        raise SuiteError(str(error).replace("params.yaml: data.group_pattern", "--groups")) from None


def check(model: Path, data: Data, module: str | None, value_range: str | None, compute: Compute) -> Result:
    """Score the model on the images in a process of its own, then audit the images.

    Raises SuiteError on a model or on images that cannot be used.
    """
    loading.check_file(model)
    with tempfile.TemporaryDirectory() as scratch:
        pixels = Path(scratch) / paths.IMAGES.name
        job = (model, module, data, value_range, pixels)
        (predicted,) = pool.run_jobs(prediction.work, [job], place(compute).first)
        images = dataclasses.replace(predicted.images, images=np.load(pixels, mmap_mode="r", allow_pickle=False))
        return assemble(predicted, audit(images, predicted.splits, SEED), leaked(images, predicted.splits, SEED))


@click.command(epilog="Example: valgap check my.keras photos --out report")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--module", metavar="A.B", help="Module that defines the model's own layers, as `import` takes it.")
@click.option("--groups", metavar="REGEX", help="What in an image's path names its group: (patient[0-9]+)_")
@click.option("--range", "value_range", type=click.Choice([*prediction.RANGES]), help="Of the pixels the model takes.")
@options.out
def command(
    model: Path, data: str, module: str | None, groups: str | None, value_range: str | None, out: Path | None
) -> None:
    """Score the saved Keras model MODEL on the images in the folder DATA, and look for what is wrong with them.

    DATA holds train/ and val/, each of class folders, or class folders alone. Trains nothing.
    """
    die_with_parent(os.getppid())
    result = check(model, images_of(data, groups), module, value_range, Compute())
    checked = Checked(build(result, str(model), data, groups))
    if out:
        checked.save(out)
    print(checked.markdown(), end="")

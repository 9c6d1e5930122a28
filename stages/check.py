"""`make check MODEL=my.keras DATA=folder`: a user's saved model, scored fairly on a user's images. Trains nothing.

Reads the model's file, the folder (`train/`, `val/` and perhaps `test/`, each of class folders, or class folders
alone) and block compute of params.yaml. Prints Markdown; --out writes check.md and check.html too. TensorFlow
lives in a worker process. Ends with 0 whatever it finds, with 1 on what a user can mend, with 2 on a usage error.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from stages.audit.audit import audit
from stages.checking import loading, prediction
from stages.checking.document import Document
from stages.checking.leakage import leaked
from stages.checking.result import Result, assemble
from stages.compute import pool
from stages.compute.lifetime import die_with_parent
from stages.compute.placement import place
from stages.errors import SuiteError, run_stage
from stages.params.experiment import Compute, Data
from stages.params.schema import parse, read_yaml
from stages.paths import runs

SEED = 0  # of the audit's samples


def arguments(given: list[str]) -> argparse.Namespace:
    """The command line. Ends the process with 2 on anything else, with 0 on --help."""
    parser = argparse.ArgumentParser(prog="python -m stages.check", allow_abbrev=False, description=__doc__)
    parser.add_argument("model", type=Path, help="saved model, .keras (or .h5)")
    parser.add_argument("data", help="folder of images: train/ and val/, each of class folders")
    parser.add_argument("--module", help="module that defines the model's own layers, as `import` takes it")
    parser.add_argument("--groups", metavar="REGEX", help="what in an image's path names its group, (patient[0-9]+)_")
    parser.add_argument("--range", choices=prediction.RANGES, help="of the pixels that the model takes")
    parser.add_argument("--out", type=Path, help="folder for check.md and check.html")
    return parser.parse_args(given)


def images_of(folder: str, group_pattern: str | None) -> Data:
    """How the folder is read; the model's input decides size and color. Raises SuiteError on a bad pattern."""
    try:
        return Data(
            source="folder", path=folder, name=None, table=None, image_size=None, resize="stretch", color="auto",
            on_unreadable="skip", group_column=None, group_pattern=group_pattern, allowed_transforms=None,
        )  # fmt: skip
    except SuiteError as error:
        raise SuiteError(str(error).replace("params.yaml: data.group_pattern", "GROUPS")) from None


def check(model: Path, data: Data, module: str | None, value_range: str | None, compute: Compute) -> Result:
    """Score the model on the images in a process of its own, then audit the images.

    Raises SuiteError on a model or on images that cannot be used.
    """
    loading.check_file(model)
    with tempfile.TemporaryDirectory() as scratch:
        pixels = Path(scratch) / runs.IMAGES.name
        job = (model, module, data, value_range, pixels)
        (predicted,) = pool.run_jobs(prediction.work, [job], place(compute).first)
        images = dataclasses.replace(predicted.images, images=np.load(pixels, mmap_mode="r", allow_pickle=False))
        return assemble(predicted, audit(images, predicted.splits, SEED), leaked(images, predicted.splits, SEED))


def main(given: list[str]) -> None:
    """Check, print, and save where asked."""
    die_with_parent(os.getppid())
    options = arguments(given)
    compute = parse(Compute, read_yaml(runs.PARAMS).get("compute"), "compute")
    data = images_of(options.data, options.groups)
    result = check(options.model, data, options.module, options.range, compute)
    document = Document(result, str(options.model), options.data, options.groups)
    if options.out:
        document.save(options.out)
    print(document.markdown(), end="")


if __name__ == "__main__":
    run_stage(lambda: main(sys.argv[1:]))

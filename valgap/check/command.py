"""`valgap check my.keras photos`: a user's saved model, scored fairly on a user's images. Trains nothing.

Reads the model's file and the folder (`train/`, `val/` and perhaps `test/`, each of class folders, or class folders
alone). Prints Markdown; --out writes check.md and check.html too. Ends with 0 whatever it finds, with 1 on what a user
can mend, with 2 on a usage error.
"""

import os
from pathlib import Path

import click

from valgap import check
from valgap.check.prediction import RANGES
from valgap.cli import options
from valgap.ground.lifetime import die_with_parent


@click.command(epilog="Example: valgap check my.keras photos --out report")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--module", metavar="A.B", help="Module that defines the model's own layers, as `import` takes it.")
@click.option("--groups", metavar="REGEX", help="What in an image's path names its group: (patient[0-9]+)_")
@click.option("--range", "value_range", type=click.Choice([*RANGES]), help="Of the pixels the model takes.")
@options.out
def command(
    model: Path, data: str, module: str | None, groups: str | None, value_range: str | None, out: Path | None
) -> None:
    """Score the saved Keras model MODEL on the images in the folder DATA, and look for what is wrong with them.

    DATA holds train/ and val/, each of class folders, or class folders alone. Trains nothing.
    """
    die_with_parent(os.getppid())
    document = check(model, data, module=module, groups=groups, value_range=value_range, out=out)
    print(document.markdown(), end="")

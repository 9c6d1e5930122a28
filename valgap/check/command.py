"""`valgap check my.keras photos`: a user's saved model, scored fairly on a user's images. Trains nothing.

Reads the model's file and the folder, of splits or of classes. Prints Markdown; --out writes check.md and check.html
too. Ends with 0 whatever it finds, with 1 on what a user can mend, with 2 on a usage error.
"""

import os
from pathlib import Path

import click

from valgap.check import options_of
from valgap.cli import options
from valgap.ground.lifetime import die_with_parent, end_orderly

RANGES = ("0-1", "-1-1", "0-255")


@click.command(epilog="Example: valgap check my.keras photos --saw 0.99,0.82 --out report")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--val", metavar="IMAGES", help="Validation images, where DATA holds the training images alone.")
@click.option("--test", metavar="IMAGES", help="Test images, likewise.")
@click.option("--saw", metavar="TRAIN,VAL", help="Accuracies that your program showed: 0.99,0.32")
@click.option("--history", metavar="FILE", help="The run's curves: CSVLogger file, JSON, TensorBoard folder.")
@click.option("--module", metavar="A.B", help="Module that defines the model's own layers, as `import` takes it.")
@click.option("--groups", metavar="REGEX", help="What in an image's path names its group: (patient[0-9]+)_")
@click.option("--range", "value_range", type=click.Choice(RANGES), help="Of the pixels the model takes.")
@click.option("--preprocess", metavar="A.B:F", help="Your own function of pixels in 0 to 255, as module:function.")
@click.option("--output", metavar="OUTPUT", help="Which of several outputs says the class.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="At most, for loading and scoring the model.")
@click.option("--mute", metavar="CODE", multiple=True, help="A finding to leave out: VG210. May be repeated.")
@options.out
def command(
    model: Path,
    data: str,
    val: str | None,
    test: str | None,
    saw: str | None,
    history: str | None,
    module: str | None,
    groups: str | None,
    value_range: str | None,
    preprocess: str | None,
    output: str | None,
    minutes: float | None,
    mute: tuple[str, ...],
    out: Path | None,
) -> None:
    """Name what is wrong with the saved Keras model MODEL, the images in the folder DATA, and how they are read.

    DATA holds train/ and val/ by these or other usual names, each of class folders; or class folders alone; or a table
    of labels beside images. Trains nothing.
    """
    die_with_parent(os.getppid())
    end_orderly()
    from valgap.check import run

    said = options_of(saw, history, None, module, groups, value_range, output, preprocess, mute)
    splits = {"train": data} | {name: each for name, each in (("val", val), ("test", test)) if each is not None}
    document = run.check(model, splits, said, apart=True, minutes=minutes)
    if out is not None:
        document.save(out)
    print(document.markdown(), end="")

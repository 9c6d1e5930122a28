"""Source `folder`: images in folders, as people lay them out. Reads data.path; streams to the given .npy file.

    <data.path>/cat/1.png  <data.path>/dog/a/2.png       the suite draws training, validation and test images; or
    <data.path>/training/cat/1.png  <data.path>/validation/...     who brings a split has folders called so

and all else that `valgap check` reads, by the same code: names of splits in any spelling, needless levels, splits in
class folders, a table beside the images (valgap/data/layouts/understand.py). What was assumed, and what is left aside,
is said; what the names do not tell is refused, with what was found. A class is a folder's name; its images lie anywhere
below. Every class needs two images to train on; validation and test may lack classes, but have none that training
lacks.

Hidden files and folders (`.DS_Store`, `.gitignore`, `._1.png`), `Thumbs.db`, `desktop.ini` and `__MACOSX` are passed
over, and so is, with a word, what is no image by its name. An image that lies beside class folders, and a class folder
without one, are unreadable: see data.on_unreadable. Links to files are followed. So are links to folders, but a folder
that is met twice is an error: links that lead back would never end, and others would bring the same images in twice.

Images are sorted by their path below data.path, which data.group_pattern is searched in. The sha256 of a folder is that
of its images' names and sha256s, sorted; unreadable ones are among them.
"""

from pathlib import Path

from valgap.data.layouts.layout import refused
from valgap.data.layouts.tables import ITSELF
from valgap.data.layouts.tree import TABLES
from valgap.data.layouts.understand import understand
from valgap.data.sources.files import load_files
from valgap.data.sources.images import Images
from valgap.data.sources.source import Source
from valgap.ground.errors import SuiteError
from valgap.ground.params.experiment import Data


def load(data: Data, target: Path) -> Images:
    """The images of the folder data.path. Raises SuiteError on all that the module's text does not allow."""
    if data.group_column is not None:
        raise SuiteError(
            f"data.group_column = {data.group_column!r} is of data.source = table: a folder has data.group_pattern"
        )
    root = Path(data.path)
    if root.is_file() and root.suffix.lower() in TABLES:  # whose images would not be watched
        why = "it is a table, no folder"
        raise refused(root, why, f"set data.source: table, data.path to its images' folder, data.table: {root.name}")
    try:
        layout = understand(root)
    except SuiteError as error:
        if not (error.cure or "").startswith(ITSELF):
            raise
        cure = f"{error.cure}; by data.source: table, and its name as data.table"
        raise SuiteError(key=error.key, value=error.value, why=error.why, cure=cure) from None
    return load_files(data, layout, target)


SOURCE = Source(load, own=True)

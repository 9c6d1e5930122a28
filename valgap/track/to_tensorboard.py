"""Event files of TensorBoard, by TensorFlow's own writer: a folder a run, those below it in folders of it."""

from pathlib import Path
from typing import Any

from valgap.ground.errors import SuiteError
from valgap.track.tree import Node

FOLDER = "tensorboard"
MARK = "valgap.reports"  # a file of the folder: the reports that it holds


def write(tree: Node, store: str | None) -> str:
    """Write the runs below a folder; what was done in a line. Raises SuiteError where that holds something else."""
    folder = Path(store or FOLDER)
    mark = folder / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == tree.tags[MARK]:
        return f"{folder} holds these reports already"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SuiteError(
            f"--store = {folder} holds other files: name a folder that is new or empty, one for each report"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        count = _write(folder, tree)
        mark.write_text(tree.tags[MARK], encoding="utf-8")
    except OSError as error:
        raise SuiteError(f"--store = {folder} cannot be written: {error}; name a folder of yours") from None
    return f"wrote {count} runs below {folder}: tensorboard --logdir {folder}"


def _write(folder: Path, node: Node) -> int:
    """How many runs were written, with those below it."""
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for name, value in node.metrics.items():
            _scalar(tf, name, value, 0)
        for name, points in node.curves.items():
            for step, value in points:
                _scalar(tf, f"curve/{name}", value, step)
        for title, texts in (("settings", node.params), ("said", node.tags)):
            if texts:
                _text(tf, title, [[key, value] for key, value in texts.items()])
    writer.close()
    return 1 + sum(_write(folder / child.name, child) for child in node.children)


def _scalar(tf: Any, tag: str, value: float, step: int) -> None:
    """A point of a curve: a scalar and its plugin's name are all that TensorBoard needs (its scalar/metadata.py)."""
    tf.summary.write(tag, tf.constant(value, tf.float32), step, _of_plugin(tf, "scalars"))


def _text(tf: Any, tag: str, rows: list[list[str]]) -> None:
    """A table of texts: two-dimensional strings are one."""
    tf.summary.write(tag, tf.constant(rows, tf.string), 0, _of_plugin(tf, "text"))


def _of_plugin(tf: Any, name: str) -> Any:
    found = tf.compat.v1.SummaryMetadata()
    found.plugin_data.plugin_name = name
    return found

"""How a file is written of which no half may ever be found under its name."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file, UTF-8 with the line ends of the text, by one rename; its folder is made where it is missing."""
    partial = path.with_name(f"{path.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(text.encode("utf-8"))
    partial.replace(path)

"""How a command of the suite is called from here: by make in a clone of it, as `valgap` in any other repository."""

from pathlib import Path

CLONE = Path("valgap/training/replicate.py")  # a file that only a clone of the suite has


def in_clone() -> bool:
    """Whether the current folder is the root of a clone of the suite."""
    return CLONE.is_file()


def call(command: str, **options: object) -> str:
    """`make repro JOBS=2`, or `valgap repro --jobs 2`, in backticks."""
    if in_clone():
        return f"`{' '.join(['make', command, *(f'{name.upper()}={value}' for name, value in options.items())])}`"
    return f"`{' '.join(['valgap', command, *(f'--{name} {value}' for name, value in options.items())])}`"

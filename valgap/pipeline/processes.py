"""Children of a command: DVC and modules of the suite, which die with it and hold its lock on the workspace."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valgap.ground import paths
from valgap.pipeline import workspace


def start(words: Sequence[str], folder: Path = Path(), **options: Any) -> "subprocess.Popen[bytes]":
    """Start `dvc`, or a module of the suite, with its arguments in a folder. To be called by the main thread.

    However this process ends, the child ends with it. While it lives it holds the workspace's lock, where this process
    does. The commands that it finds are those of this interpreter. `options` are those of subprocess.Popen.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return subprocess.Popen(
        [sys.executable, "-m", "valgap.pipeline.child", str(os.getpid()), str(folder.resolve()), *words],
        cwd=paths.PACKAGE.parent,  # a scratch copy may hold other code
        env=os.environ | {"PATH": path} | options.pop("env", {}),
        pass_fds=workspace.held(),
        **options,
    )


def output(words: Sequence[str], folder: Path = Path()) -> tuple[int, str]:
    """Exit status and text, errors among it, of such a child, after its end."""
    process = start(words, folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text, _ = process.communicate()
    return process.returncode, text.decode(errors="replace")

"""Joins a Ray cluster, which is sent the training code and model.files. Writes to a temporary folder alone."""

import importlib
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from valgap.ground import paths
from valgap.ground.errors import SuiteError

PROBE_SECONDS = 5.0  # for the head to accept a connection
START = "start a node of it on this machine (`ray start`), or unset RAY_ADDRESS and compute.address to train without it"
OFF = {  # of Ray's: reports over the network, guesses from `uv run`, and .gitignore files that would hide model files
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_RUNTIME_ENV_IGNORE_GITIGNORE": "1",
}


def connect(address: str, files: Path) -> Any:
    """Join the cluster with the training code as working directory of its workers; return the module `ray`.

    Raises SuiteError where Ray is not installed, or the cluster cannot be joined from this machine.
    """
    os.environ.update(OFF)
    try:
        ray = importlib.import_module("ray")
    except ImportError:
        raise SuiteError(
            f"RAY_ADDRESS or compute.address = {address} asks for a Ray cluster, but Ray is not installed: run `make "
            "setup-ray`, or unset it to train on this machine"
        ) from None
    if "://" in address:
        raise SuiteError(
            f"RAY_ADDRESS or compute.address = {address}: give host:port or auto, on a node of the cluster"
        )
    if ":" in address and not answers(address):
        raise SuiteError(f"nothing answers at RAY_ADDRESS or compute.address = {address}: {START}")
    with tempfile.TemporaryDirectory() as folder:
        stage_code(Path(folder), files)
        try:
            ray.init(address, runtime_env={"working_dir": folder}, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises ConnectionError, RuntimeError and ValueError alike
            raise SuiteError(f"cannot join the Ray cluster at {address}: {START} (Ray: {brief(error)})") from None
    return ray


def brief(error: Exception) -> str:
    """One line of an error; of a long one the start and the end, where a traceback says what happened."""
    words = " ".join(str(error).split())
    return words if len(words) <= 400 else f"{words[:150]} ... {words[-250:]}"


def answers(address: str) -> bool:
    """Whether something accepts a connection at host:port."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def stage_code(folder: Path, files: Path) -> None:
    """Copy the training code and model.files into `folder`, below the same relative paths.

    Raises SuiteError when `files` lies outside the working tree: a worker would not find it.
    """
    here = Path.cwd().resolve()
    if not files.resolve().is_relative_to(here) or files.is_absolute():
        raise SuiteError(
            f"model.files = {files} is not a path below {here}, which is all that Ray copies: move it there"
        )
    for source, place in ((paths.PACKAGE, Path(paths.PACKAGE.name)), (files, files)):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, target)
    for package in files.parents:
        if (package / "__init__.py").is_file():
            shutil.copy2(package / "__init__.py", folder / package / "__init__.py")

"""Ray nodes on this machine, each a tree of processes: started as docs/cluster.md says, killed by SIGKILL."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.watching import words

PATIENCE = 600  # seconds until something that must happen is given up
STORE = 100_000_000  # bytes; Ray takes no less than 75 MB
# Ray's workers wait behind all else by default (15), and starve beside other tests.
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


class Node:
    """A running node. `head` is that of the cluster to join, None to start one; `environment` is added to ours."""

    def __init__(
        self,
        head: "Node | None" = None,
        cpus: int = 1,
        gpus: int = 0,
        port: int = 0,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: sockets lie below it
        self.address: str = head.address if head else f"127.0.0.1:{port or free_port()}"
        role = [f"--address={self.address}"]
        if head is None:
            ports = [f"--port={self.address.split(':')[1]}", f"--ray-client-server-port={free_port()}"]
            role = ["--head", "--include-dashboard=false", *ports]
        flags = [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--object-store-memory={STORE}"]
        flags += ["--include-log-monitor=false", f"--temp-dir={self.folder}", "--block"]
        inherited = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}  # conftest.py
        log = self.folder / "log"
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("ray"), "start", *role, *flags],
                cwd=self.folder, start_new_session=True, stdout=output, stderr=output,
                env=inherited | SETTINGS | (environment or {}),
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while "Ray runtime started" not in log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = log.read_text()
                self.kill()
                raise AssertionError(f"no Ray node: {text}")
            time.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        """The node's processes, workers among them."""
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def trains(self) -> bool:
        """Whether a replicate is being trained on this node now."""
        return any(re.match(r"ray::train\b", " ".join(words(process))) for process in self.processes())

    def kill(self) -> None:
        """SIGKILL to all of its processes at once, as when the machine loses power."""
        processes = self.processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, PATIENCE)
        self.process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

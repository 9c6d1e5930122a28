"""The cluster, joined by a process of its own: where Ray ends the process that joined it, this one lives to say so.

Ray ends its process at once, without an exception, when it asks a head that is gone or was started anew.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valgap.compute.pool import main_hidden
from valgap.compute.ray.cluster import RESUME, Cluster
from valgap.ground.errors import SuiteError
from valgap.ground.lifetime import die_with_parent
from valgap.ground.params.experiment import Compute

if TYPE_CHECKING:
    from valgap.training.job import Files, Job


class Apart:
    """A backend as `Cluster` is, which runs in a process that dies with this one."""

    def __init__(self, address: str, compute: Compute, files: Path) -> None:
        """Join the cluster. Raises SuiteError as `Cluster` does."""
        self._address = address
        spawn = multiprocessing.get_context("spawn")
        self._connection, far = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(os.getpid(), far, address, compute, files), daemon=True)
        with main_hidden():
            self._process.start()
        far.close()  # so that its end shows here
        self.device: str = self._received()

    def run(self, jobs: "list[Job]") -> "Iterator[tuple[int, Files]]":
        """As `Cluster.run`. Raises SuiteError also where Ray has ended the process that joined the cluster."""
        finished = False
        try:
            self._connection.send(jobs)
            while (found := self._received()) is not None:
                yield found
            finished = True
        finally:
            if not finished:
                self._process.kill()  # Ray then ends what it runs for it, on every node

    def _received(self) -> Any:
        """The next value from the process. Raises what it raised, SuiteError where it is gone."""
        try:
            error, value = self._connection.recv()
        except (EOFError, ConnectionError):
            raise SuiteError(
                f"the head of the Ray cluster at {self._address} is gone, or was started anew: start it and then the "
                f"other nodes again; {RESUME}"
            ) from None
        if error is not None:
            raise error
        return value


def _serve(parent: int, connection: Connection, address: str, compute: Compute, files: Path) -> None:
    """Join the cluster, and send what each list of jobs gives: (error or None, value), None as the last value."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C, for both
    try:
        cluster = Cluster(address, compute, files)
        connection.send((None, cluster.device))
        while True:
            for found in cluster.run(connection.recv()):
                connection.send((None, found))
            connection.send((None, None))
    except EOFError:
        return
    except Exception as error:  # told where it is awaited
        connection.send((error, None))

"""Training processes that stand ready for many cells: who runs them all starts them, each cell sends its replicates.

A process so imports TensorFlow once and not once a cell. It is asked through a socket of this machine, in a folder of
this user alone, whose address and key a train stage finds in its environment.
"""

import hashlib
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from valgap.compute import pool, store
from valgap.compute.placement import Placement
from valgap.ground import paths
from valgap.ground.errors import SuiteError

T = TypeVar("T")
ADDRESS = "SUITE_WORKERS"  # environment variable: the socket of the processes, a colon, their key in hex digits
GONE = "the training processes that this run started are gone: run it again"


def code_of(files: Path) -> str:
    """Digest of what a process imports to train, and of where: one that has stood since a change has the old code."""
    digests = store.code_digest(paths.TRAINING_CODE), store.code_digest(files, "*"), str(Path.cwd())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


class Workers:
    """Context manager: a training process on each slot of a placement, while it lasts; what they say goes to `log`.

    `variables` are what a child's environment needs for its train stages to use them: nothing where a socket cannot be
    had, as in a temporary folder of over a hundred characters. They then start processes of their own.
    """

    def __init__(self, placement: Placement, files: Path, log: Path) -> None:
        self._placement, self._code, self._log = placement, code_of(files), log
        self._folder = tempfile.TemporaryDirectory(prefix="valgap-")  # readable by this user alone
        self._key = secrets.token_bytes(32)
        self._address = str(Path(self._folder.name) / "workers")
        self.variables = {ADDRESS: f"{self._address}:{self._key.hex()}"}
        self._listener: Listener | None = None
        self._processes: list[ProcessPoolExecutor] = []
        self._free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()

    def __enter__(self) -> "Workers":
        try:
            self._listener = Listener(self._address, "AF_UNIX", authkey=self._key)
        except OSError:
            self.variables = {}
            return self
        self._processes = [pool.process_of(slot, self._placement.device, self._log) for slot in self._placement.slots]
        for process in self._processes:
            self._free.put(process)
        threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._listener:
            self._listener.close()
        pool.end(self._processes)
        self._folder.cleanup()

    def _listen(self, listener: Listener) -> None:
        while True:
            try:
                connection = listener.accept()
            except AuthenticationError:
                continue
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: "Connection[Any, Any]") -> None:
        """What a train stage asks, once: whether these processes hold its code, or for a result."""
        with connection:
            try:
                asked = connection.recv()
                connection.send(asked == self._code if isinstance(asked, str) else self._done(*asked))
            except (EOFError, OSError):  # it is gone
                return

    def _done(self, work: Callable[..., object], job: tuple[object, ...]) -> object:
        """What `work(*job)` gives in the next process that is free, or the exception that it raises."""
        process = self._free.get()
        try:
            return pool.submit(process, self._placement.device, work, *job).result()
        except BrokenProcessPool:
            return SuiteError(pool.KILLED)
        except Exception as error:
            return error
        finally:
            self._free.put(process)


class Standing:
    """The processes that `address` names, as a train stage sees them. Raises ValueError where it names none."""

    def __init__(self, address: str) -> None:
        self._socket, _, key = address.rpartition(":")
        self._key = bytes.fromhex(key)

    def hold(self, code: str) -> bool:
        """Whether they hold the code of this digest, and are there at all."""
        try:
            return self._ask(code) is True
        except SuiteError:
            return False

    def run(self, work: Callable[..., T], *job: object) -> T:
        """`work(*job)` in the next process that is free; what it raises is raised, SuiteError where that is gone."""
        found = self._ask((work, job))
        if isinstance(found, Exception):
            raise found
        return found

    def _ask(self, question: object) -> Any:
        try:
            with Client(self._socket, "AF_UNIX", authkey=self._key) as connection:
                connection.send(question)
                return connection.recv()
        except (OSError, EOFError, AuthenticationError) as error:
            raise SuiteError(f"{GONE} ({type(error).__name__})") from None


def standing(files: Path, environment: Mapping[str, str] = os.environ) -> Standing | None:
    """The processes that the environment names, where they hold the code that is here now; None else."""
    if not (address := environment.get(ADDRESS)):
        return None
    try:
        found = Standing(address)
    except ValueError:
        raise SuiteError(f"{ADDRESS} = {address!r} is for a run to set: unset it") from None
    return found if found.hold(code_of(files)) else None

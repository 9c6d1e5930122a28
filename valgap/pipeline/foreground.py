"""DVC as a child on this terminal: the workspace's lock lives as long as it does, and it dies with this process."""

import signal
import subprocess
from types import FrameType

from valgap.pipeline.processes import start

STOPPING = (signal.SIGINT, signal.SIGTERM)
POLL_SECONDS = 0.2

Received = list[int]


class Stopped(SystemExit):
    """A signal ended the run; the status is 128 and its number, as of a shell."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


def note_signals() -> Received:
    """A list that grows by each SIGINT or SIGTERM from now on, which do nothing else. An ignored SIGINT stays so."""
    received: Received = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, note)
    return received


def run_dvc(arguments: list[str], received: Received) -> int:
    """Exit status of `dvc` with these arguments, which has this process's terminal and its Ctrl-C.

    Raises Stopped when a signal came meanwhile: SIGTERM is passed on, of SIGINT the terminal told DVC itself.
    """
    process = start(["dvc", *arguments])
    passed = False
    while True:
        try:
            status = process.wait(POLL_SECONDS)
            break
        except subprocess.TimeoutExpired:
            if signal.SIGTERM in received and not passed:
                process.terminate()
                passed = True
    if received:
        raise Stopped(received[0])
    return status

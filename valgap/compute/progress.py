"""Progress over replicates: a bar on a terminal, a plain line each in a log, and how to resume."""

import sys
import time

from tqdm import tqdm


class Progress:
    """Context manager; call `advance` once a replicate. `done` counts those found in the store."""

    def __init__(self, title: str, total: int, done: int) -> None:
        self.title, self.total, self.done = title, total, done
        self.found, self.start = done, time.monotonic()
        self.bar = tqdm(total=total, initial=done, desc=title, unit="replicate", disable=not sys.stderr.isatty())

    def __enter__(self) -> "Progress":
        self._line(f"{self.total} replicates" + (f", {self.found} already in the store" if self.found else ""))
        return self

    def advance(self) -> None:
        """Count one more finished replicate."""
        self.done += 1
        self.bar.update()
        spent = time.monotonic() - self.start
        left = spent / (self.done - self.found) * (self.total - self.done)
        self._line(f"{self.done}/{self.total} replicates, {spent:.0f} s, about {left:.0f} s left")

    def __exit__(self, kind: object, *_: object) -> None:
        self.bar.close()
        if kind is not None:
            print(
                f"{self.title}: stopped with {self.done}/{self.total} replicates; `make repro` resumes from there",
                file=sys.stderr,
                flush=True,
            )

    def _line(self, text: str) -> None:
        if self.bar.disable:
            print(f"{self.title}: {text}", flush=True)

"""Text that leaves through a pipe which nobody may be reading: a thread waits for it, the event loop never does."""

import logging
import os
import select
import threading
from collections import deque

MOST_BYTES = 4 << 20
"""Text that waits; more is refused."""
PAUSE = 0.5
"""Seconds after which a descriptor that takes nothing is looked at again."""


class LogOutlet:
    """Writes to a descriptor from a thread of its own. `offer` is for one thread at a time."""

    def __init__(self, descriptor: int, most: int = MOST_BYTES) -> None:
        self._descriptor, self._most = descriptor, most
        self._waiting: deque[bytes] = deque()
        self._offered = self._written = 0
        """Bytes, each counted by one thread."""
        self._news = threading.Event()
        self._ended = threading.Event()
        self._ending = self._giving_up = False
        self.refused = 0
        """Lines that were not taken."""
        self.lost = 0
        """Lines that could not be written because whoever reads has gone."""
        threading.Thread(target=self._work, name="log-outlet", daemon=True).start()

    def offer(self, text: str) -> bool:
        """Takes the text, without waiting; False where too much waits already."""
        if self._offered - self._written > self._most or self._ending:
            self.refused += text.count("\n")
            return False
        encoded = text.encode("utf-8", "backslashreplace")
        self._offered += len(encoded)
        self._waiting.append(encoded)
        self._news.set()
        return True

    def close(self, seconds: float) -> bool:
        """Takes nothing more; whether all that waited was written in that time. What was not is given up."""
        self._ending = True
        self._news.set()
        finished = self._ended.wait(seconds)
        self._giving_up = True
        return finished

    def _work(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            ending = self._ending  # read before the last look at what waits
            while self._waiting and not self._giving_up:
                batch = self._waiting.popleft()
                self._write(batch)
                self._written += len(batch)
            if ending:
                self._ended.set()
                return

    def _write(self, batch: bytes) -> None:
        left = memoryview(batch)
        while left and not self._giving_up:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # somebody who shares the descriptor has made it so
                select.select((), (self._descriptor,), (), PAUSE)
            except OSError:
                self.lost += bytes(left).count(b"\n")
                return


class OutletLog(logging.Handler):
    """Messages of the process itself, by an outlet; those that nobody takes are left out."""

    def __init__(self, outlet: LogOutlet) -> None:
        super().__init__()
        self._outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler, which calls it from one thread at a time."""
        self._outlet.offer(f"{self.format(record)}\n")

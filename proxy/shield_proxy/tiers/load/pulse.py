"""A beat some twenty times a second, and how late each comes: what waits in the event loop waits as long."""

import asyncio
import time
from collections.abc import Callable

EVERY = 0.05
"""Seconds between two beats of a loop in time."""


class Pulse:
    """Calls `beat` with the seconds by which it comes late, from start() to stop()."""

    __slots__ = ("_beat", "_due", "_timer")

    def __init__(self, beat: Callable[[float], None]) -> None:
        self._beat = beat
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on it beats on the loop that runs."""
        self._due = time.monotonic() + EVERY
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._strike)

    def stop(self) -> None:
        """It beats no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _strike(self) -> None:
        late = max(0.0, time.monotonic() - self._due)
        self.start()
        self._beat(late)

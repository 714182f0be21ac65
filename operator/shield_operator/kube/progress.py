"""Proof that loops turn: each marks its laps, and a loop that has made none for its bound is stuck."""

import time
from collections.abc import Callable, Mapping

BOUNDS: Mapping[str, float] = {"lease": 60.0, "reconcile": 180.0, "audit": 300.0, "watch": 300.0, "collect": 120.0}
"""Loop -> seconds between two laps at most, also while the API server does not answer."""


class Progress:
    """When each running loop last made a lap. A loop that has never begun, or has ended, is not missed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._laps: dict[str, float] = {}

    def mark(self, loop: str) -> None:
        """The loop, one of BOUNDS, has made a lap now."""
        self._laps[loop] = self._clock()

    def end(self, loop: str) -> None:
        """The loop has ended as it should."""
        self._laps.pop(loop, None)

    def stuck(self) -> tuple[str, ...]:
        """Loops that have made no lap for their bound."""
        now = self._clock()
        return tuple(loop for loop, at in self._laps.items() if now - at > BOUNDS[loop])

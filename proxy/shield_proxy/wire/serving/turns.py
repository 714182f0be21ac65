"""Handshakes take turns with everything else that a port does."""

import asyncio
from collections import deque
from collections.abc import Callable

AT_A_TIME = 4
"""Handshakes between two looks at what else there is to do; each takes up to a millisecond."""


class Turns:
    """Lets few handshakes run at a time, in the order they came."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, step: Callable[[], None]) -> None:
        """The step runs soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        self._waiting.append(step)

    def _run(self) -> None:
        try:
            for _ in range(min(AT_A_TIME, len(self._waiting))):
                self._waiting.popleft()()
        finally:
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._run)

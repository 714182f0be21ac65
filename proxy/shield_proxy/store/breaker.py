"""A breaker: after failures in a row what fails is left alone for a while, then tried once. Pure."""

FAILURES = 3
"""In a row, until it opens."""
FIRST, LONGEST = 0.5, 10.0
"""Seconds it stays open, doubled with each trial that fails."""


class Breaker:
    """Closed: all pass. Open: none. Half-open: one passes, and decides."""

    __slots__ = ("_failures", "_open_until", "_pause", "_trial")

    def __init__(self) -> None:
        self._failures = 0
        self._pause = FIRST
        self._open_until = 0.0
        self._trial = False

    @property
    def is_closed(self) -> bool:
        """All pass."""
        return self._failures < FAILURES

    def allows(self, now: float) -> bool:
        """Whether this call may go through; half-open it is the one trial."""
        if self._failures < FAILURES:
            return True
        if now < self._open_until:
            return False
        if self._trial and now < self._open_until + LONGEST:
            return False
        self._trial = True
        self._open_until = now
        return True

    def succeeded(self) -> None:
        """A call went well: closed."""
        self._failures = 0
        self._pause = FIRST
        self._trial = False

    def failed(self, now: float) -> None:
        """A call failed."""
        self._failures += 1
        if self._failures >= FAILURES:
            self._open_until = now + self._pause
            self._pause = min(LONGEST, self._pause * 2)
            self._trial = False

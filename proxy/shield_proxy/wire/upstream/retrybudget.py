"""How much repeating is allowed: a share of what is asked anyway, so that a failing upstream is not asked twice as
much. Pure, but for its memory: nothing is counted per request that was not counted already."""

SHARE = 0.2
"""Repeated requests to requests."""
FLOOR = 32
"""Repeated requests of a window that are always allowed: a quiet upstream that restarts should lose none."""
WINDOW = 10.0
"""Seconds."""


class RetryBudget:
    """Of one upstream."""

    __slots__ = ("_asked", "_retries", "_since", "_usual")

    def __init__(self, now: float) -> None:
        self._since = now
        self._asked = 0
        """Requests until the window began."""
        self._usual = 0.0
        """Requests of an average window before this one."""
        self._retries = 0

    def grant(self, asked: int, now: float) -> bool:
        """Whether one more request may be repeated; `asked` counts the upstream's requests since it is known."""
        passed = now - self._since
        if passed >= WINDOW:
            self._usual = (asked - self._asked) * WINDOW / passed
            self._since, self._asked, self._retries = now, asked, 0
        if self._retries >= FLOOR + SHARE * max(self._usual, asked - self._asked):
            return False
        self._retries += 1
        return True

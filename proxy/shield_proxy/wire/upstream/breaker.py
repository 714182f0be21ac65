"""A circuit breaker: closed, open, half-open. Pure, but for its memory: time and chance are arguments."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What a breaker lets through: everything, nothing, or one request that decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a breaker opens, and for how long."""

    failures: int = 5
    """In a row."""
    share: float = 0.5
    """Of the requests of a window that fail..."""
    least: int = 20
    """...once there were so many."""
    window: float = 10.0
    """Seconds."""
    first: float = 1.0
    """Seconds it stays open at first; doubled each time that it opens again soon after."""
    longest: float = 30.0


class Breaker:
    """One address. `failed` and `succeeded` tell what became of requests, `claim` that one is sent.

    Some are sent while it is open, where there is nobody else: an answer closes it then, a failure changes nothing."""

    __slots__ = (
        "_bad",
        "_closed_at",
        "_limits",
        "_opened_at",
        "_openings",
        "_pause",
        "_row",
        "_since",
        "_total",
        "_until",
        "cause",
        "phase",
    )

    def __init__(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self.phase = Phase.CLOSED
        self.cause = ""
        """Of the latest failure."""
        self._row = 0
        self._since, self._total, self._bad = float("-inf"), 0, 0
        self._openings = 0
        self._pause = 0.0
        self._until = self._opened_at = self._closed_at = float("-inf")

    def usable(self, now: float) -> bool:
        """Whether a request may be sent. Nothing is claimed: see claim()."""
        return self.phase is Phase.CLOSED or now >= self._until

    def opens_in(self, now: float) -> float:
        """Seconds until a request may be sent."""
        return 0.0 if self.phase is Phase.CLOSED else max(0.0, self._until - now)

    def claim(self, now: float) -> bool:
        """A request is sent now; True if it is the one on trial. Until it is answered or has failed no other is,
        unless it takes longer than the breaker was open: then its outcome may never be told."""
        if not self.usable(now) or self.phase is Phase.CLOSED:
            return False
        self.phase = Phase.HALF_OPEN
        self._until = now + self._pause
        return True

    def succeeded(self, asked: float) -> bool:
        """A request that was sent at `asked` was answered; True if that closed the breaker, which an answer to what
        was sent before it opened does not."""
        if self.phase is Phase.CLOSED:
            self._row = 0
            self._count(asked, bad=False)
            return False
        if asked < self._opened_at:
            return False
        self.phase = Phase.CLOSED
        self._row = 0
        self._since, self._total, self._bad = asked, 0, 0
        self._closed_at = asked
        return True

    def failed(self, now: float, cause: str, chance: float) -> bool:
        """A request failed; True if that opened the breaker. `chance` in [0, 1) spreads the trials of many."""
        limits = self._limits
        self.cause = cause
        if self.phase is Phase.OPEN and not self.usable(now):
            return False
        self._row += 1
        self._count(now, bad=True)
        often = self._total >= limits.least and self._bad >= limits.share * self._total
        if self.phase is Phase.CLOSED and self._row < limits.failures and not often:
            return False
        if self.phase is Phase.CLOSED and now - self._closed_at > limits.longest:
            self._openings = 0
        self._openings += 1
        self._pause = min(limits.longest, limits.first * 2.0 ** min(self._openings - 1, 10)) * (0.75 + 0.5 * chance)
        self._until, self._opened_at = now + self._pause, now
        self.phase = Phase.OPEN
        return True

    def forgettable(self, now: float) -> bool:
        """Nothing is remembered that would change what comes."""
        quiet = now - self._since > self._limits.window and now - self._closed_at > self._limits.longest
        return self.phase is Phase.CLOSED and quiet and not self._row

    def _count(self, now: float, *, bad: bool) -> None:
        if now - self._since > self._limits.window:
            self._since, self._total, self._bad = now, 0, 0
        self._total += 1
        self._bad += bad

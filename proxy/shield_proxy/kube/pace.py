"""How hard a client may press a server that does not keep up. Pure.

A request that is given up while the server still works on it is work done for nothing, and is made again: with enough
clients the server does nothing else any more. So who is not answered asks for less at a time, and waits longer for it;
both come back step by step with what is answered (additive increase, multiplicative decrease, as TCP does it).
"""

from dataclasses import dataclass

AT_ONCE = 4
"""Requests on their way to a server that keeps up."""
PATIENCE, MOST_PATIENCE = 5.0, 40.0
"""Seconds that a request is given; the server gives up itself after a minute."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What is thought of the server now."""

    places: float = AT_ONCE
    """Requests that may be on their way, whole ones."""
    patience: float = PATIENCE
    """Seconds."""

    @property
    def at_once(self) -> int:
        """How many requests may be on their way."""
        return int(self.places)


def kept_up(pace: Pace) -> Pace:
    """The pace after a request that was answered, whatever the answer says of its object."""
    return Pace(min(AT_ONCE, pace.places + 1 / pace.places), max(PATIENCE, pace.patience * 0.9))


def fell_behind(pace: Pace) -> Pace:
    """The pace after one that was not answered, or with a word that the server has too much to do."""
    return Pace(max(1.0, pace.places / 2), min(MOST_PATIENCE, pace.patience * 2))


def overloaded(status: int) -> bool:
    """Whether an answer of this status says so."""
    return status == 429 or status >= 500

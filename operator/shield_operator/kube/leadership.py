"""The right to write: held until a deadline on the monotonic clock, whatever happened to the process meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass

LEASE_SECONDS = 15
"""Another operator may take the Lease when it has seen no renewal for this long."""
WRITE_SECONDS = 10
"""A leader writes for this long after it sent its last successful renewal; the rest is for what is on its way."""
RENEW_SECONDS = 2.5
"""Between renewals."""
MOST_BELIEVED = 1 << 30
"""No Lease ever counted so far by itself. Its count has 31 bits, and records lie where others may write: one that was
forged to count further must not use up what is left for the leaders of all fleets."""


class LeaseLost(Exception):
    """The right to write has ended."""


class Leadership:
    """Whether this process may write, and under which transition count. Shared by all that writes."""

    __slots__ = ("_clock", "_deadline", "transitions")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline: float | None = None
        self.transitions = 0
        """Of the Lease: fences what is written and pushed."""

    @property
    def held(self) -> bool:
        """Whether a write sent now is allowed."""
        return self._deadline is not None and self._clock() < self._deadline

    def check(self) -> None:
        """Passes while writing is allowed, else raises LeaseLost."""
        if not self.held:
            raise LeaseLost("the Lease is not held, or its deadline has passed")

    def believes(self, transitions: int) -> bool:
        """Whether a Lease may have counted that far: as far as this one, or as far as Leases get."""
        return transitions <= max(self.transitions, MOST_BELIEVED)

    def extend(self, sent: float, transitions: int) -> None:
        """A renewal that was sent at `sent` (monotonic seconds) has succeeded."""
        self._deadline = sent + WRITE_SECONDS
        self.transitions = transitions

    def end(self) -> None:
        """From now on nothing may be written."""
        self._deadline = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A Lease as it was when it last changed, by this process' clock: the clocks of two nodes are never compared."""

    holder: str
    version: str
    """resourceVersion."""
    seconds: int
    transitions: int
    at: float
    """Monotonic seconds."""

    def free(self, now: float) -> bool:
        """Nobody holds it, or the holder has not renewed it for its whole duration."""
        return not self.holder or now - self.at >= self.seconds


def sight(lease: dict[str, object], last: Sighting | None, now: float) -> Sighting:
    """The sighting of a Lease; of one that has not changed since the last sighting, that one."""
    metadata, spec = lease["metadata"], lease.get("spec") or {}
    assert isinstance(metadata, dict)
    assert isinstance(spec, dict)
    version = str(metadata["resourceVersion"])
    if last is not None and last.version == version:
        return last
    return Sighting(
        holder=spec.get("holderIdentity") or "",
        version=version,
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        transitions=spec.get("leaseTransitions") or 0,
        at=now,
    )

"""Which slot of a check is to be probed now, and how many went by. Pure."""

from dataclasses import dataclass

from shield_proxy.health.slots import last_slot, next_slot, slots_between

LATEST = 0.5
"""Of its interval that a slot may be probed late; then it is missed."""
PATIENCE = 10.0
"""Seconds that news of a check wait for its next slot. Probes outside of slots are no closer to others than that."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be made of the slots up to now."""

    slot: float | None
    """That is to be probed now."""
    missed: int
    """Slots that nobody probes any more."""
    handled: float
    """Slots up to here are settled."""


def due(handled: float, now: float, until: float, interval: float, phase: float) -> Due:
    """Of the slots later than `handled` and not later than `until`, those that have come by now: the last one is
    probed unless it is too late, those before it were missed."""
    end = min(now, until)
    count = slots_between(handled, end, interval, phase)
    if count == 0:
        return Due(None, 0, max(handled, end))
    slot = last_slot(end, interval, phase)
    if now - slot > LATEST * interval:
        return Due(None, count, end)
    return Due(slot, count - 1, end)


def early(now: float, begun: float, interval: float, phase: float) -> bool:
    """Whether a check of which there is news is probed now, outside of its slots: the next one is far, and the last
    probe, which began at `begun`, was a while ago."""
    return next_slot(now, interval, phase) - now > PATIENCE and now - begun >= PATIENCE

"""When a data centre probes: instants of the wall clock that follow from the check alone, so that whoever probes next
knows which ones are left, and nobody is told of them. Pure."""

import math
from hashlib import blake2b

_STEPS = 1 << 32


def phase(check_id: str, data_centre: str) -> float:
    """A stable number in [0, 1), spread evenly over checks and data centres."""
    digest = blake2b(f"{check_id}\0{data_centre}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / _STEPS


def next_slot(after: float, interval: float, phase: float) -> float:
    """The first slot later than `after` (seconds since the epoch, like the answer)."""
    return _slot(_first(after, interval, phase), interval, phase)


def slots_within(after: float, until: float, interval: float, phase: float) -> tuple[float, ...]:
    """The slots in (after, until]: neighbouring spans share none, and together miss none."""
    first, end = _first(after, interval, phase), _first(until, interval, phase)
    return tuple(_slot(n, interval, phase) for n in range(first, end))


def last_slot(until: float, interval: float, phase: float) -> float:
    """The last slot not later than `until`."""
    return _slot(_first(until, interval, phase) - 1, interval, phase)


def slots_between(after: float, until: float, interval: float, phase: float) -> int:
    """How many slots are in (after, until]."""
    return max(0, _first(until, interval, phase) - _first(after, interval, phase)) if until > after else 0


def _slot(number: int, interval: float, phase: float) -> float:
    return (number + phase) * interval


def _first(after: float, interval: float, phase: float) -> int:
    """The number of the first slot later than `after`. Division rounds, so its neighbours are looked at: what counts
    is _slot alone, which rises with the number."""
    number = math.floor(after / interval - phase)
    while _slot(number, interval, phase) > after:
        number -= 1
    while _slot(number, interval, phase) <= after:
        number += 1
    return number

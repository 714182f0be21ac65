"""The time a request has left, passed from hop to hop (milliseconds, so that no clocks are compared). Pure."""

HOP_SHARE = 0.95
"""Of its budget a hop passes on so much: the failure nearest the origin is told first."""


def remaining_ms(deadline: float, now: float) -> int:
    """What the next hop is given, in milliseconds."""
    return max(1, int((deadline - now) * HOP_SHARE * 1000))


def deadline_of(value: bytes | None, now: float, longest: float) -> float:
    """The deadline that a hop's budget means here; `longest` seconds where it says nothing usable."""
    if value is None or not value.isdigit() or len(value) > 9:
        return now + longest
    return now + min(int(value) / 1000, longest)

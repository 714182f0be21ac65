"""The time a request has left, passed from hop to hop (milliseconds, so that no clocks are compared), and what
of it a connection may take. Pure."""

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


CONNECT_FLOOR, ROUND_TRIPS = 0.25, 4
"""TCP between pods is given the greater of so many seconds and so many round trips."""
CONNECT_UNKNOWN = 1.0
"""Seconds for a pod never reached before: its distance is not known."""
HANDSHAKE = 0.75
"""Seconds on top for TLS: both ends compute, perhaps beside much else."""
LEAST = 0.05


def connect_seconds(round_trip: float | None, left: float) -> tuple[float, float]:
    """Seconds for TCP, and for TCP and TLS together, of a connection to a pod; `left` is what the request has."""
    network = CONNECT_UNKNOWN if round_trip is None else max(CONNECT_FLOOR, ROUND_TRIPS * round_trip)
    left = max(LEAST, left)
    return min(network, left), min(network + HANDSHAKE, left)

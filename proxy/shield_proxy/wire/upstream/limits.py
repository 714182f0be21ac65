"""How long and how much toward origins and other pods, and when a connection there has taken too long. Pure."""

from dataclasses import dataclass, field

from shield_proxy.wire.http.parse import HeadLimits

MOST_INTERIM = 16
"""1xx heads before one response."""


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Seconds and sizes of the upstream side."""

    connect: float = 19
    idle: float = 900
    """Unused in the pool, or silent amid a body."""
    send: float = 30
    """The peer takes no byte of the request."""
    per_address: int = 4096
    """Connections to one pod; an origin has a limit of its own."""
    wait: float = 5
    """For one of the connections where there are as many as may be."""
    waiting: int = 1024
    """Requests that wait so for one address."""
    surplus: float = 60
    """Unused in the pool, where another connection to the same address was enough all that time."""
    idle_per_address: int = 256
    idle_in_all: int = 4096
    """Of all addresses; past it the ones unused longest are closed."""
    head: HeadLimits = field(default_factory=lambda: HeadLimits(head=64 << 10))


def overdue(
    limits: UpstreamLimits, now: float, since: float, *, deadline: float | None, wanted: bool, stalled: float | None
) -> str | None:
    """Why a connection on which bytes last came at `since` must end, as a kind of UpstreamFailed; None: it need not.

    `deadline`: of the head that is awaited; `wanted`: somebody waits for more of a body; `stalled`: since when the peer
    takes no bytes.
    """
    if stalled is not None and now - stalled > limits.send:
        return "send-timeout"
    if deadline is not None:
        return "response-timeout" if now > deadline else None
    return "idle-timeout" if wanted and now - since > limits.idle else None

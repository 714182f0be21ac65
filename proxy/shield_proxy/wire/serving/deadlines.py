"""When a client's connection has taken too long, by what it is doing."""

from enum import Enum

from shield_proxy.wire.serving.exchange import Exchange
from shield_proxy.wire.serving.limits import ServerLimits


class Due(Enum):
    """What is overdue; the value is the reason a client is told."""

    NOTHING = ""
    CUT = "cut"
    """The client takes no bytes, or does not see that it was let go."""
    BODY = "request-body-timeout"
    SLOW = "request-body-too-slow"
    HEAD = "request-head-timeout"
    REQUEST = "idle"
    """The next one."""


def due(
    limits: ServerLimits,
    now: float,
    active: float,
    since: float,
    stalled: float | None,
    ending: bool,
    exchange: Exchange | None,
    begun: bool,
) -> Due:
    """What is overdue at `now` where bytes last came at `active` and the present state began at `since`.

    `stalled`: since when the client takes no bytes; `ending`: it has had its last answer; `exchange`: under way;
    `begun`: a part of a head is there.
    """
    if stalled is not None:
        return Due.CUT if now - stalled > limits.send else Due.NOTHING
    if ending:
        late = now - active > limits.linger or now - since > 5 * limits.linger
        return Due.CUT if late else Due.NOTHING
    if exchange is not None:
        waits = exchange.body is not None and exchange.body.wanted and now - active > limits.send
        return Due.BODY if waits else Due.NOTHING
    if begun:
        return Due.HEAD if now - since > limits.request_head else Due.NOTHING
    return Due.REQUEST if now - active > limits.keep_alive else Due.NOTHING

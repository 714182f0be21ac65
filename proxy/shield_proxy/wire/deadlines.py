"""When a client's connection has taken too long, by what it is doing. Pure."""

from enum import Enum, auto

from shield_proxy.wire.listener import ServerLimits


class Due(Enum):
    """What is overdue."""

    NOTHING = auto()
    CUT = auto()
    """The client takes no bytes, or does not see that it was let go."""
    BODY = auto()
    HEAD = auto()
    REQUEST = auto()
    """The next one."""


def due(
    limits: ServerLimits,
    now: float,
    *,
    active: float,
    since: float,
    stalled: float | None,
    ending: bool,
    answering: bool,
    reading: bool,
    begun: bool,
) -> Due:
    """What is overdue at `now` where bytes last came at `active` and the present state began at `since`.

    `stalled`: since when the client takes no bytes; `ending`: it has had its last answer; `answering`: an exchange is
    under way, and `reading` its body; `begun`: a part of a head is there.
    """
    if stalled is not None:
        return Due.CUT if now - stalled > limits.send else Due.NOTHING
    if ending:
        late = now - active > limits.linger or now - since > 5 * limits.linger
        return Due.CUT if late else Due.NOTHING
    if answering:
        return Due.BODY if reading and now - active > limits.send else Due.NOTHING
    if begun:
        return Due.HEAD if now - since > limits.request_head else Due.NOTHING
    return Due.REQUEST if now - active > limits.keep_alive else Due.NOTHING

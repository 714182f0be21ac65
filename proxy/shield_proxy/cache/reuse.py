"""What a stored response is good for when a request comes (RFC 9111, 4)."""

from dataclasses import dataclass

from shield_proxy.cache.directives import Directives, seconds
from shield_proxy.cache.stored import StoredResponse

NEVER_STALE = (b"must-revalidate", b"proxy-revalidate", b"s-maxage", b"no-cache")
"""With any of these a stale response is not served (RFC 9111, 4.2.4)."""


@dataclass(slots=True)
class Hit:
    """Answers the request as it is. Not frozen: one is made for each request."""

    stored: StoredResponse


@dataclass(frozen=True, slots=True)
class Revalidate:
    """May answer once the origin confirmed it, or not at all if it can't be confirmed."""

    stored: StoredResponse
    reason: str
    """Why it can't be used as it is: of RFC 9211's fwd."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing stored."""

    reason: str


Reuse = Hit | Revalidate | Miss
_UNKNOWN = Miss("uri-miss")


def choose(stored: StoredResponse | None, request: Directives, now: float) -> Reuse:
    """The decision for a GET or HEAD with these directives; `now` is monotonic like the stored times."""
    if b"no-store" in request:
        return Miss("request")
    if stored is None:
        return _UNKNOWN
    if b"no-cache" in request:
        return Revalidate(stored, "request")
    age = stored.age(now)
    if b"no-cache" in stored.directives or age >= stored.lifetime:
        return Revalidate(stored, "stale")
    most = seconds(request, b"max-age")
    if most is not None and age > most:
        return Revalidate(stored, "request")
    least = seconds(request, b"min-fresh")
    if least is not None and stored.lifetime - age < least:
        return Revalidate(stored, "request")
    return Hit(stored)


def usable_on_error(stored: StoredResponse | None, now: float) -> bool:
    """Whether it may be served while its origin fails: only within its own stale-if-error (RFC 5861, 4)."""
    if stored is None or any(name in stored.directives for name in NEVER_STALE):
        return False
    staleness = stored.age(now) - stored.lifetime
    if staleness <= 0:
        return True  # still fresh; the request asked for more
    return staleness <= (seconds(stored.directives, b"stale-if-error") or 0)

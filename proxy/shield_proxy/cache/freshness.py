"""How long a response is fresh, and how old it is (RFC 9111, 4.2)."""

from shield_proxy.cache.dates import parse_date
from shield_proxy.cache.directives import FOREVER, Directives, seconds
from shield_proxy.wire.http.message import Index

HEURISTIC = frozenset((200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501))
"""Final statuses that may be stored without explicit freshness (RFC 9110, 15.1; 206 is never stored here)."""
HEURISTIC_FRACTION = 0.1
HEURISTIC_LIMIT = 86_400.0


def explicit_lifetime(index: Index, directives: Directives, received: float) -> float | None:
    """Seconds a shared cache may call this fresh, as the response itself says (RFC 9111, 4.2.1); None: it does not.

    `received` is wall-clock time.
    """
    for name in (b"s-maxage", b"max-age"):
        value = seconds(directives, name)
        if value is not None:
            return float(value)
    expires = index.get(b"expires")
    if expires is None:
        return None
    at = parse_date(expires, received)
    if at is None:
        return 0.0
    date = parse_date(index.get(b"date"), received)
    return min(max(0.0, at - (received if date is None else date)), float(FOREVER))


def heuristic_lifetime(status: int, index: Index, received: float) -> float:
    """Seconds guessed from Last-Modified, at most a day (RFC 9111, 4.2.2); 0 where nothing may be guessed."""
    modified = parse_date(index.get(b"last-modified"), received)
    if status not in HEURISTIC or modified is None:
        return 0.0
    date = parse_date(index.get(b"date"), received)
    since = (received if date is None else date) - modified
    return min(max(0.0, since * HEURISTIC_FRACTION), HEURISTIC_LIMIT)


def initial_age(index: Index, received: float, delay: float, *, trusted: bool = False) -> float:
    """Seconds old the response was when received (RFC 9111, 4.2.3).

    `received` is wall-clock time, `delay` the seconds since it was asked for. From a `trusted` hop the Age alone
    counts: it is of this product, and clocks of nodes differ.
    """
    value = index.get(b"age", b"0").partition(b",")[0].strip()
    carried = float(min(int(value), FOREVER)) if value.isdigit() and len(value) < 20 else 0.0
    corrected = carried + delay
    date = None if trusted else parse_date(index.get(b"date"), received)
    apparent = 0.0 if date is None else max(0.0, received - date)
    return max(apparent, corrected)

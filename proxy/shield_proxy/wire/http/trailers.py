"""Trailers: fields behind a chunked body (RFC 9110, 6.5). Pure.

They pass through where both legs are chunked. What a recipient must know before the body, or what decides who may see
the message or how it is framed, means nothing there and never crosses (RFC 9110, 6.5.1).
"""

from shield_proxy.wire.http.message import Fields, Index, list_members
from shield_proxy.wire.http.serialise import HOP_BY_HOP, LAST_CHUNK

FORBIDDEN = HOP_BY_HOP | frozenset(
    (
        # framing and routing
        b"cdn-loop",
        b"content-length",
        b"forwarded",
        b"host",
        b"max-forwards",
        b"via",
        b"x-real-ip",
        # request modifiers
        b"cache-control",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"pragma",
        b"range",
        # authentication and state
        b"authentication-info",
        b"authorization",
        b"cookie",
        b"origin",
        b"set-cookie",
        b"www-authenticate",
        # response control
        b"age",
        b"cache-status",
        b"date",
        b"expires",
        b"location",
        b"retry-after",
        b"vary",
        b"warning",
        # how the content is processed
        b"content-encoding",
        b"content-range",
        b"content-type",
    )
)
_PREFIXES = (b"access-control-", b"sec-", b"shield-", b"x-forwarded-")


def may_pass(name: bytes) -> bool:
    """Whether a field of this name (any case) may cross in a trailer section."""
    lower = name.lower()
    return lower not in FORBIDDEN and not lower.startswith(_PREFIXES)


def passable(trailers: Fields) -> Fields:
    """The trailers that may cross."""
    return tuple(field for field in trailers if may_pass(field[0])) if trailers else ()


def announced(index: Index) -> Fields:
    """The Trailer field of a message whose trailers are passed on, without what may not cross; () where it has none."""
    names = [name for name in list_members(index.get(b"trailer")) if may_pass(name)]
    return ((b"Trailer", b", ".join(names)),) if names else ()


def last_chunk(trailers: Fields) -> bytes:
    """What ends a chunked body."""
    if not trailers:
        return LAST_CHUNK
    return b"0\r\n" + b"".join(b"%s: %s\r\n" % field for field in trailers) + b"\r\n"

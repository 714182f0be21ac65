"""Values to bytes. What belongs to one connection never crosses to another. Pure."""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

from shield_proxy.wire.http.message import Fields, Index, list_members

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Fields of one connection (RFC 9110, 7.6.1), and of a proxy's own authentication."""

END_TO_END = frozenset((b"cache-control", b"expires", b"pragma", b"vary"))
"""Never a connection's own, whatever Connection says (RFC 9110, 7.6.1): without them the next cache would share what
is private."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}


def forwardable(fields: Fields, index: Index, drop: frozenset[bytes] = frozenset()) -> Fields:
    """The fields that may cross: neither hop-by-hop, nor named by Connection, nor in `drop` (lower case)."""
    left_out = _left_out(index.get(b"connection"), drop)
    return tuple([field for field in fields if field[0].lower() not in left_out])


@lru_cache(maxsize=256)
def _left_out(connection: bytes | None, drop: frozenset[bytes]) -> frozenset[bytes]:
    return HOP_BY_HOP | drop | (frozenset(list_members(connection)) - END_TO_END)


def field_lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Fields as they are sent."""
    return b"".join([b"%s: %s\r\n" % field for field in fields])


def request_bytes(method: bytes, target: bytes, lines: bytes) -> bytes:
    """A request head of HTTP/1.1 with these lines of fields."""
    return b"%s %s HTTP/1.1\r\n%s\r\n" % (method, target, lines)


def response_lines(status: int, reason: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and fields of HTTP/1.1, without the empty line that ends a head."""
    return b"HTTP/1.1 %d %s\r\n%s" % (status, reason or _PHRASES.get(status, b""), field_lines(fields))


def chunk(piece: bytes) -> tuple[bytes, bytes, bytes]:
    """The parts that send a piece, which must not be empty, as one chunk."""
    return b"%x\r\n" % len(piece), piece, b"\r\n"

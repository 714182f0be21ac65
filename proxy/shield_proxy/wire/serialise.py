"""Values to bytes. What belongs to one connection never crosses to another. Pure."""

from collections.abc import Iterable
from http import HTTPStatus

from shield_proxy.wire.message import Fields, Index, list_members

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
    named = list_members(index.get(b"connection"))
    left_out = HOP_BY_HOP | drop if not named else HOP_BY_HOP | drop | (set(named) - END_TO_END)
    return tuple(field for field in fields if field[0].lower() not in left_out)


def request_bytes(method: bytes, target: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A request head of HTTP/1.1."""
    lines = [b"%s %s HTTP/1.1\r\n" % (method, target)]
    lines += [b"%s: %s\r\n" % field for field in fields]
    lines.append(b"\r\n")
    return b"".join(lines)


def response_lines(status: int, reason: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and fields of HTTP/1.1, without the empty line that ends a head."""
    lines = [b"HTTP/1.1 %d %s\r\n" % (status, reason or _PHRASES.get(status, b""))]
    lines += [b"%s: %s\r\n" % field for field in fields]
    return b"".join(lines)


def chunk(piece: bytes) -> tuple[bytes, bytes, bytes]:
    """The parts that send a piece, which must not be empty, as one chunk."""
    return b"%x\r\n" % len(piece), piece, b"\r\n"

"""How long a message is (RFC 9112, 6): decided strictly, so that no two parties can disagree. Pure."""

import re

from shield_proxy.wire.http.message import (
    Chunked,
    Framing,
    Index,
    Length,
    NoBody,
    Refused,
    ResponseHead,
    UntilClose,
    list_members,
)

_DIGITS = re.compile(rb"[0-9]{1,18}")


def request_framing(index: Index, minor: int) -> Framing:
    """The framing of a request. Refused: 400 where lengths are doubtful, 501 for codings other than chunked."""
    length, codings = _declared(index, minor)
    if codings is not None:
        if codings != b"chunked":
            members = list_members(codings)
            known = members and members[-1] == b"chunked" and members.count(b"chunked") == 1
            raise Refused(501 if known else 400, "transfer-coding")
        return Chunked()
    return Length(length) if length else NoBody()


def response_framing(index: Index, minor: int, status: int, method: bytes) -> Framing:
    """The framing of a response to a request of `method`. Refused like a request's."""
    length, codings = _declared(index, minor)
    if status < 200 or status in (204, 304) or method == b"HEAD":
        return NoBody()
    if codings is not None:
        if codings != b"chunked":
            raise Refused(502, "transfer-coding")
        return Chunked()
    if length is None:
        return UntilClose()
    return Length(length) if length else NoBody()


def _declared(index: Index, minor: int) -> tuple[int | None, bytes | None]:
    """Length and codings; several lengths are joined with commas by then, which digits have not."""
    length, codings = index.get(b"content-length"), index.get(b"transfer-encoding")
    if codings is not None and (length is not None or minor == 0):
        why = "transfer-encoding-with-content-length" if length is not None else "transfer-encoding-in-http-1.0"
        raise Refused(400, why)
    if length is not None and _DIGITS.fullmatch(length) is None:
        raise Refused(400, "content-length")
    return (int(length) if length is not None else None), (codings.lower() if codings is not None else None)


def stays_open(index: Index, minor: int) -> bool:
    """Whether the connection persists after this message (RFC 9112, 9.3)."""
    said = index.get(b"connection")
    if said is None:
        return minor == 1
    options = list_members(said)
    return b"close" not in options and (minor == 1 or b"keep-alive" in options)


def declared_length(head: ResponseHead) -> int | None:
    """The length of the body, or of the body a GET would have had, as the response tells it."""
    if isinstance(head.framing, Length):
        return head.framing.size
    value = head.index.get(b"content-length")
    if isinstance(head.framing, NoBody) and value is not None and value.isdigit():
        return int(value)
    return None

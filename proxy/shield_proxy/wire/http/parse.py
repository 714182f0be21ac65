"""Bytes of a head to a value, or Refused. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shield_proxy.wire.http.framing import request_framing, response_framing, stays_open
from shield_proxy.wire.http.lines import FIELD_LINE, TOKEN, read_fields, read_repeated
from shield_proxy.wire.http.message import Fields, Refused, RequestHead, ResponseHead, index_fields

__all__ = ["AUTHORITY", "FIELD_LINE", "HeadLimits", "judge_partial", "parse_request", "parse_response", "split_fields"]
_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21\x22\x24-\x7e]++) HTTP/1\.([01])\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*+))?\r\n")
_OTHER_VERSION = re.compile(rb"[^\r\n ]+ [^\r\n ]+ HTTP/(?!1\.[01]\r)[0-9](?:\.[0-9])?\r\n")
AUTHORITY = re.compile(rb"(?:[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp]://([^/?]+)(.*)")


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Bytes and fields a head may have."""

    target: int = 16 << 10
    head: int = 32 << 10
    fields: int = 200


def split_fields(block: bytes) -> Fields:
    """The fields of a block that ends with an empty line; Refused where the grammar doesn't hold."""
    return read_fields(block)[0]


def parse_request(head: bytes, limits: HeadLimits) -> RequestHead:
    """The request in a head with its final empty line. Refused with 400, 405, 414, 417, 431, 501 or 505."""
    line = judge_request_line(head, limits)
    if len(head) - line.end() > limits.head:
        raise Refused(431, "head-too-large")
    method, target, minor = line[1], line[2], int(line[3])
    if head.count(b"\n") - 2 > limits.fields:
        raise Refused(431, "too-many-fields")
    fields, index = read_repeated(head[line.end() :])
    host = index.get(b"host")
    if host is None:
        if minor == 1:
            raise Refused(400, "host-not-exactly-once")
        authority = b""
    else:
        authority = host.lower()
        if AUTHORITY.fullmatch(authority) is None:  # several are joined with commas, which it can't have
            several = [name for name, _ in fields if name.lower() == b"host"][1:]
            raise Refused(400, "host-not-exactly-once" if several else "malformed-host")
    if method in (b"CONNECT", b"TRACE"):
        raise Refused(405, "method-not-allowed")
    if b"expect" in index:
        if minor == 1 and index[b"expect"].lower() != b"100-continue":
            raise Refused(417, "expectation")
        if minor == 0:  # has no expectations: ignored here, and not passed on as HTTP/1.1's (RFC 9110, 10.1.1)
            fields = tuple(field for field in fields if field[0].lower() != b"expect")
            index = index_fields(fields)
    if not target.startswith(b"/"):
        target, authority = _other_form(method, target, authority)
    return RequestHead(
        method, target, authority, minor, fields, index, request_framing(index, minor), stays_open(index, minor)
    )


def _other_form(method: bytes, target: bytes, authority: bytes) -> tuple[bytes, bytes]:
    if target == b"*" and method == b"OPTIONS":
        return target, authority
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise Refused(400, "malformed-target")
    named = absolute[1].lower()
    if AUTHORITY.fullmatch(named) is None or authority not in (named, b""):
        raise Refused(400, "target-and-host-differ")
    rest: bytes = absolute[2]
    if not rest and method == b"OPTIONS":  # RFC 9112, 3.2.4
        return b"*", named
    return rest if rest.startswith(b"/") else b"/" + rest, named


def judge_request_line(buffer: bytes, limits: HeadLimits) -> re.Match[bytes]:
    """The request line that a buffer begins with; call it once the buffer holds a line's end."""
    line = _REQUEST_LINE.match(buffer)
    if line is None:
        if buffer.find(b"\n") > limits.target + 64:
            raise Refused(414, "target-too-long")
        raise Refused(505, "version") if _OTHER_VERSION.match(buffer) else Refused(400, "malformed-request-line")
    if len(line[2]) > limits.target or line.end() > limits.target + 64:  # an endless method has no status of its own
        raise Refused(414, "target-too-long")
    return line


def judge_partial(buffer: bytes, start: int, limits: HeadLimits) -> None:
    """Refused as soon as bytes of an unfinished request head can't become a good one; `start` is where news begin.

    An empty line before the head is tolerated (RFC 9112, 2.2).
    """
    if buffer[:1] == b"\x16":  # a ClientHello; its sender waits for an answer and never for the end of a line
        raise Refused(400, "tls-on-plain-port")
    if buffer[:2] == b"\r\n":
        buffer, start = buffer[2:], 0
    end = buffer.find(b"\n")
    if end < 0:
        if len(buffer) > limits.target + 64:
            raise Refused(414, "target-too-long")
        return
    if start <= end:
        judge_request_line(buffer, limits)
    if len(buffer) - end > limits.head:
        raise Refused(431, "head-too-large")
    for position in _line_feeds(buffer, max(start, 1)):
        if buffer[position - 1] != 13:
            raise Refused(400, "bare-line-feed")


def _line_feeds(buffer: bytes, start: int) -> Iterator[int]:
    position = buffer.find(b"\n", start)
    while position >= 0:
        yield position
        position = buffer.find(b"\n", position + 1)


def parse_response(head: bytes, method: bytes, limits: HeadLimits) -> ResponseHead:
    """The response in a head with its final empty line, to a request of `method`. Refused when malformed."""
    line = _STATUS_LINE.match(head)
    if line is None:
        raise Refused(502, "malformed-status-line")
    if len(head) > limits.head:
        raise Refused(502, "head-too-large")
    status, minor = int(line[2]), int(line[1])
    fields, index = read_fields(head[line.end() :])
    framing = response_framing(index, minor, status, method)
    return ResponseHead(status, line[3] or b"", minor, fields, index, framing, stays_open(index, minor))

"""W3C Trace Context, level 1: which trace a request belongs to. Pure."""

import re
from dataclasses import dataclass

from shield_proxy.wire.http.message import Fields, Index

TRACEPARENT, TRACESTATE = b"traceparent", b"tracestate"
SAMPLED = 1
_PARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KEY = rb"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_MEMBER = re.compile(_KEY + rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
MOST_MEMBERS = 32
_REQUEST_ID = re.compile(rb"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class TraceParent:
    """Who asks, within which trace; lower-case hex digits."""

    trace_id: bytes
    parent_id: bytes
    sampled: bool

    def field(self) -> bytes:
        """The value of a traceparent field of version 00."""
        return b"00-%s-%s-%02x" % (self.trace_id, self.parent_id, int(self.sampled))


def parse_traceparent(value: bytes | None) -> TraceParent | None:
    """What a traceparent says (3.2); None where there is none, or one that must be ignored. Of versions after 00 the
    part that 00 has is understood."""
    match = _PARENT.fullmatch(value) if value is not None else None
    if match is None or (match[1] == b"00" and match[5] is not None):
        return None
    return TraceParent(match[2], match[3], bool(int(match[4], 16) & SAMPLED))


def is_tracestate(value: bytes) -> bool:
    """Whether it is a list of at most 32 members that can be passed on (3.3)."""
    members = [member for part in value.split(b",") if (member := part.strip(b" \t"))]
    return len(members) <= MOST_MEMBERS and all(map(_MEMBER.fullmatch, members))


def checked_trace(fields: Fields, index: Index) -> Fields:
    """The fields of a request as they are, but without a traceparent that is malformed or repeated, and without a
    tracestate that is malformed or has no traceparent to go with (2.2, 3.3.1.5)."""
    if TRACEPARENT not in index and TRACESTATE not in index:
        return fields
    gone = set()
    if parse_traceparent(index.get(TRACEPARENT)) is None:
        gone = {TRACEPARENT, TRACESTATE}
    elif not is_tracestate(index.get(TRACESTATE, b"")):
        gone = {TRACESTATE}
    return tuple(field for field in fields if field[0].lower() not in gone) if gone else fields


def trace_id_of(index: Index) -> bytes:
    """The trace's id in a request's fields; empty without one."""
    if TRACEPARENT not in index:
        return b""
    parent = parse_traceparent(index[TRACEPARENT])
    return parent.trace_id if parent is not None else b""


def is_request_id(value: bytes) -> bool:
    """Whether it has the form of a trace id, which ids of requests share."""
    return _REQUEST_ID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Trace:
    """A request's place in its trace: the span it has here, below that of whoever asked."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    """Empty where nobody named one."""
    sampled: bool

    def traceparent(self, span_id: bytes) -> bytes:
        """What is told to whom this request is passed on, by that span."""
        return TraceParent(self.trace_id, span_id, self.sampled).field()

"""Spans of requests that leave the fast path: one for each request here, one for each asking of somebody else.

Whoever takes them (process/otlp.py) sends them on; without anybody who does, nothing here is made.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shield_proxy.wire.http.message import Index
from shield_proxy.wire.http.tracecontext import TRACEPARENT, Trace, parse_traceparent

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time within a trace; ids are lower-case hex digits, times seconds since the epoch."""

    name: str
    server: bool
    """Of a request that came; else of one that was sent."""
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    """Empty: it is the first of its trace."""
    began: float
    ended: float
    attributes: Attributes
    failed: bool


class Tracer:
    """Decides what is traced, and hands spans to `take`, which must not wait."""

    __slots__ = ("_share", "_take", "_wall")

    def __init__(self, share: float, take: Callable[[Span], object], wall: Callable[[], float]) -> None:
        """`share` of the requests that come without a traceparent is traced; of others whoever sent it has decided."""
        self._share, self._take, self._wall = share, take, wall

    def begin(self, index: Index, request_id: bytes) -> Trace:
        """The place of a request in its trace. Whether it is sampled follows from the trace's id, so that all pods
        decide alike."""
        parent = parse_traceparent(index.get(TRACEPARENT))
        if parent is not None:
            return Trace(parent.trace_id, new_span_id(), parent.parent_id, parent.sampled)
        return Trace(request_id, new_span_id(), b"", int(request_id[-13:], 16) < self._share * 16**13)

    def leg(self, trace: Trace, lines: bytes) -> tuple[bytes, bytes]:
        """The id of a span for asking somebody else, and the field lines that name it to them."""
        span = new_span_id()
        others = [line for line in lines.split(b"\r\n") if line.partition(b":")[0].lower() != TRACEPARENT]
        return span, b"%s%s: %s\r\n" % (b"\r\n".join(others), TRACEPARENT, trace.traceparent(span))

    def served(self, trace: Trace, method: bytes, seconds: float, attributes: Attributes, *, failed: bool) -> None:
        """A request was answered."""
        self._end(method.decode("latin-1"), True, trace, trace.span_id, trace.parent_id, seconds, attributes, failed)

    def asked(
        self, trace: Trace, span: bytes, to: str, seconds: float, attributes: Attributes, *, failed: bool
    ) -> None:
        """Somebody else has answered so far that the response began, or has failed."""
        self._end(f"ask {to}", False, trace, span, trace.span_id, seconds, attributes, failed)

    def _end(
        self,
        name: str,
        server: bool,
        trace: Trace,
        span: bytes,
        parent: bytes,
        seconds: float,
        attributes: Attributes,
        failed: bool,
    ) -> None:
        if trace.sampled:
            now = self._wall()
            self._take(Span(name, server, trace.trace_id, span, parent, now - seconds, now, attributes, failed))


def new_span_id() -> bytes:
    """An id that has to be unique, not secret."""
    return b"%016x" % (random.getrandbits(64) | 1)

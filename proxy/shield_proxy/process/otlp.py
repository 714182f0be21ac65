"""Spans sent to an OTLP/HTTP receiver, by a thread and in batches. Needs the extra `tracing`."""

import threading
from collections import deque
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shield_proxy.config.version import VERSION
from shield_proxy.process.settings import ProxySettings
from shield_proxy.process.sites import StartFailure
from shield_proxy.tiers.telemetry.tracing import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

WAITING = 2048
"""Spans that wait; more are dropped."""
BATCH = 512
EVERY = 1.0
"""Seconds between two batches."""
PATIENCE = 5.0
"""Seconds that the receiver is given for a batch, repetitions included."""


class ExtraMissing(Exception):
    """The packages that send spans are not installed."""


class SpanOutlet:
    """Sends what take() is given, from its making to close()."""

    def __init__(self, endpoint: str, attributes: dict[str, str]) -> None:
        """`attributes` say who sends. ExtraMissing."""
        if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
            raise ExtraMissing("otlpEndpoint is set, but the extra `tracing` is not installed: smart-shield[tracing]")
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource

        named = {"service.name": "smart-shield", "service.version": VERSION, **attributes}
        self._resource = Resource.create(dict(named))
        self._exporter: SpanExporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=PATIENCE)
        self._waiting: deque[Span] = deque()
        self._ending = threading.Event()
        self.dropped = 0
        """Spans that found no room, or that the receiver did not take."""
        self._thread = threading.Thread(target=self._work, name="spans", daemon=True)
        self._thread.start()

    def take(self, span: Span) -> None:
        """Takes a span without waiting."""
        if len(self._waiting) >= WAITING:
            self.dropped += 1
        else:
            self._waiting.append(span)

    def close(self, seconds: float) -> None:
        """Sends what waits, as far as that is possible in that time."""
        self._ending.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._ending.wait(EVERY):
            self._send()
        self._send()
        self._exporter.shutdown()

    def _send(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._export([readable(span, self._resource) for span in batch])

    def _export(self, spans: "list[ReadableSpan]") -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
            self.dropped += len(spans)


def readable(span: Span, resource: "Resource") -> "ReadableSpan":
    """The span as the SDK knows it."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(span_id: bytes, *, remote: bool) -> SpanContext:
        return SpanContext(int(span.trace_id, 16), int(span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        name=span.name,
        context=context(span.span_id, remote=False),
        parent=context(span.parent_id, remote=span.server) if span.parent_id else None,
        resource=resource,
        attributes=dict(span.attributes),
        kind=SpanKind.SERVER if span.server else SpanKind.CLIENT,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=int(span.began * 1e9),
        end_time=int(span.ended * 1e9),
    )


def span_outlet(settings: ProxySettings) -> SpanOutlet | None:
    """What takes the spans of a process with these settings, if anything does. StartFailure."""
    if settings.otlp_endpoint is None:
        return None
    names = {"service.instance.id": settings.pod, "shield.tier": str(settings.tier), "shield.fleet": settings.fleet}
    try:
        return SpanOutlet(settings.otlp_endpoint, {**names, "shield.data_center": settings.data_center})
    except ExtraMissing as missing:
        raise StartFailure(str(missing)) from missing

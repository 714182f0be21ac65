"""The health port: /livez, /readyz and /metrics, answered without a web framework, which would cost memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

SECONDS = 5.0
"""That a request and its answer have."""
MOST_REQUEST = 8 << 10
MOST_AT_ONCE = 32
"""Connections: of more, the oldest ends. Whoever holds many open must not keep the kubelet from asking, which would end
the courier."""
REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Looks:
    """What the port shows. Both problems are "" where there is none."""

    stuck: Callable[[], str]
    unready: Callable[[], str]
    metrics: Callable[[], bytes]


@asynccontextmanager
async def health_port(host: str, port: int, looks: Looks) -> AsyncIterator[None]:
    """Listens within the block. OSError where it can't: a pod that nobody can look at is no good."""
    connected: dict[asyncio.StreamWriter, None] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected[writer] = None
        if len(connected) > MOST_AT_ONCE:
            oldest = next(iter(connected))
            del connected[oldest]
            oldest.transport.abort()
        try:
            async with asyncio.timeout(SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(request.split(b"\r\n", 1)[0], looks))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            connected.pop(writer, None)
            writer.close()

    server = await asyncio.start_server(answer, host or None, port, limit=MOST_REQUEST)
    try:
        yield
    finally:
        server.close()


def _response(line: bytes, looks: Looks) -> bytes:
    method, _, rest = line.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    status, body = 200, b"ok\n"
    if method != b"GET":
        status, body = 405, b"only GET\n"
    elif path == b"/metrics":
        body = looks.metrics()
    elif path in (b"/livez", b"/readyz"):
        problem = looks.stuck() if path == b"/livez" else looks.unready()
        if problem:
            status, body = 503, f"{problem}\n".encode()
    else:
        status, body = 404, b"/livez, /readyz or /metrics\n"
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body

"""A port for the kubelet and Prometheus, answered without a web framework, which would cost memory and time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shield_proxy.wire.http.serialise import response_lines

SECONDS = 5.0
"""That a request and its answer have."""
MOST_REQUEST = 8 << 10
MOST_AT_ONCE = 32
"""Connections: of more, the oldest ends. Whoever holds many open must not keep the kubelet from asking, which would end
the process, or Prometheus."""
TEXT = b"text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """Plain text."""

    body: bytes
    status: int = 200


Pages = Mapping[str, Callable[[], Answer | Awaitable[Answer]]]
"""What answers GET, by path."""


def verdict(problem: str) -> Answer:
    """503 with the problem, 200 where it is ""."""
    return Answer(f"{problem}\n".encode(), 503) if problem else Answer(b"ok\n")


@asynccontextmanager
async def health_port(host: str, port: int, pages: Pages) -> AsyncIterator[None]:
    """Listens within the block, on all addresses where the host is "". OSError where it can't."""
    connected: dict[asyncio.StreamWriter, None] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected[writer] = None
        if len(connected) > MOST_AT_ONCE:
            oldest = next(iter(connected))
            del connected[oldest]
            oldest.transport.abort()
        # So that drain() waits for all of the answer: what the transport has left at close() nothing else would bound.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            async with asyncio.timeout(SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(await _answer(request.split(b"\r\n", 1)[0], pages)))
                await writer.drain()
                writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            connected.pop(writer, None)
            if not writer.is_closing():
                writer.transport.abort()

    server = await asyncio.start_server(converse, host or None, port, limit=MOST_REQUEST)
    try:
        yield
    finally:
        server.close()


async def _answer(line: bytes, pages: Pages) -> Answer:
    method, _, rest = line.partition(b" ")
    if method != b"GET":
        return Answer(b"only GET\n", 405)
    page = pages.get(rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1"))
    if page is None:
        return Answer(f"only {', '.join(pages)}\n".encode(), 404)
    answer = page()
    return answer if isinstance(answer, Answer) else await answer


def _response(answer: Answer) -> bytes:
    fields = ((b"Content-Type", TEXT), (b"Content-Length", str(len(answer.body)).encode()), (b"Connection", b"close"))
    return response_lines(answer.status, b"", fields) + b"\r\n" + answer.body

"""The health port of a prober: /livez and /metrics, answered without a web framework, which would cost its start."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from shield_proxy.process.metrics import render
from shield_proxy.tiers.telemetry.families import Family
from shield_proxy.wire.http.serialise import response_lines

SECONDS = 5.0
"""That a request and its answer have."""
MOST_REQUEST = 8 << 10
MOST_AT_ONCE = 8
TEXT = b"text/plain; version=0.0.4; charset=utf-8"
log = logging.getLogger(__name__)


@asynccontextmanager
async def health_port(host: str, port: int, families: Callable[[], Iterable[Family]]) -> AsyncIterator[None]:
    """Listens within the block. Where it can't, it says so, and the block runs all the same."""
    permits = asyncio.Semaphore(MOST_AT_ONCE)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with permits, asyncio.timeout(SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _response(request.split(b"\r\n", 1)[0], families))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(answer, host or None, port, limit=MOST_REQUEST)
    except OSError as error:
        log.warning("metrics are not served: %s", error)
        yield
        return
    try:
        yield
    finally:
        server.close()


async def _response(line: bytes, families: Callable[[], Iterable[Family]]) -> bytes:
    method, _, rest = line.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    status, body = 200, b"ok\n"
    if method != b"GET":
        status, body = 405, b"only GET\n"
    elif path == b"/metrics":
        body = await render(families())
    elif path != b"/livez":
        status, body = 404, b"/livez or /metrics\n"
    fields = ((b"Content-Type", TEXT), (b"Content-Length", str(len(body)).encode()), (b"Connection", b"close"))
    return response_lines(status, b"", fields) + b"\r\n" + body

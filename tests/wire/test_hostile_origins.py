"""Origins that never end, never begin, or speak out of turn: time and memory stay bounded, clients get their own."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from world.certificates import Authority
from world.client import Client
from world.fleet import Clock, Fleet, until, zone

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Origin as Backend
from shield_proxy.wire.upstream.limits import UpstreamLimits

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LIMITS = UpstreamLimits(idle=2, send=2)
RESPONSE_SECONDS = 2
GOOD = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\ngood"


class Hostile:
    """An origin that runs one script per connection, and counts what it sent."""

    def __init__(self) -> None:
        self.script: Script = self._well
        self.connections = 0
        self.sent = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, RuntimeError):
            pass  # the proxy left, or stop() ends us; uvloop tells a write after that by RuntimeError
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _well(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(GOOD)

    async def endless(self, writer: asyncio.StreamWriter, first: bytes, piece: bytes, pause: float = 0) -> None:
        """Sends `first`, then `piece` again and again."""
        writer.write(first)
        while not writer.transport.is_closing():
            writer.write(piece)
            self.sent += len(piece)
            await writer.drain()
            await asyncio.sleep(pause)


@pytest_asyncio.fixture
async def hostile() -> AsyncIterator[Hostile]:
    origin = Hostile()
    await origin.start()
    yield origin
    await origin.stop()


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, hostile: Hostile) -> AsyncIterator[Fleet]:
    pods = Fleet(tmp_path, Clock(), Authority())
    await pods.add("low", Tier.LOWER, upstream=LIMITS)
    await pods.add("up", Tier.UPPER, upstream=LIMITS)
    origin = Backend("web", "127.0.0.1", hostile.port, response_seconds=RESPONSE_SECONDS)
    pods.use(zone(hostile.port, origins=(origin,)))
    yield pods
    await pods.close()


ENDLESS_HEADS = {
    "one line": (b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 4096),
    "fields": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 512),
    "status line": (b"HTTP/1.1 200 ", b"O" * 4096),
    "1xx": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "100": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "empty lines": (b"", b"\r\n" * 512),
    "zeros": (b"", b"\x00" * 4096),
}


@pytest.mark.parametrize("kind", ENDLESS_HEADS)
async def test_a_head_that_never_ends_is_an_error_soon(fleet: Fleet, hostile: Hostile, kind: str) -> None:
    first, piece = ENDLESS_HEADS[kind]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await hostile.endless(writer, first, piece)

    hostile.script = script
    for method in ("GET", "POST"):
        response = await fleet.get("low", "/x", method=method)
        assert response.status == 520
    assert hostile.sent < 8 << 20


@pytest.mark.parametrize(
    "dripped", [b"HTTP/1.1 200 OK\r\nX-A: ", b"", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nX: "]
)
async def test_a_head_that_drips_has_a_deadline(fleet: Fleet, hostile: Hostile, dripped: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await hostile.endless(writer, dripped, b"b" if dripped else b"", 0.05)

    hostile.script = script
    began = time.monotonic()
    response = await fleet.get("low", "/x")
    assert response.status in (504, 524)
    assert time.monotonic() - began < RESPONSE_SECONDS + 4


async def test_a_body_that_falls_silent_is_cut(fleet: Fleet, hostile: Hostile) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nhello")
        await reader.read()

    hostile.script = script
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await fleet.get("low", "/x")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):  # and it was not stored
        await fleet.get("low", "/x")


@pytest.mark.parametrize("cached", [b"no-store", b"max-age=60"])
async def test_a_body_that_never_ends_is_bounded_and_ends_with_its_client(
    fleet: Fleet, hostile: Hostile, cached: bytes
) -> None:
    ended = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        first = b"HTTP/1.1 200 OK\r\nCache-Control: " + cached + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        try:
            await hostile.endless(writer, first, b"10000\r\n" + b"x" * 65536 + b"\r\n")
        finally:
            ended.set()

    hostile.script = script
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client = await fleet.client("low")
    client.send(b"GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    taken = 0
    while taken < 200 << 20:
        taken += len(await client.reader.read(1 << 20))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10  # KiB; stored at most 64 MiB a tier
    client.writer.transport.abort()
    async with asyncio.timeout(20):
        await ended.wait()


@pytest.mark.parametrize("early", [GOOD, b"HTTP/1.1 100 Continue\r\n\r\n", b"x", b"\r\n", GOOD + GOOD])
async def test_bytes_before_the_request_spoil_no_other_request(fleet: Fleet, hostile: Hostile, early: bytes) -> None:
    """Response queue poisoning. On a new connection nobody can tell what was said early from what was said fast; but it
    is answer to no more than the one request that opened the connection."""
    answered = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        writer.write(early)
        while True:
            await reader.readuntil(b"\r\n\r\n")
            answered += 1
            writer.write(GOOD.replace(b"good", b"next"))

    hostile.script = script
    idle = fleet.pods["up"].counters.gauges
    for number in range(1, 4):
        response = await fleet.get("low", "/x")
        assert (response.status, response.body) in ((200, b"good"), (200, b"next"), (520, response.body))
        if early != b"HTTP/1.1 100 Continue\r\n\r\n":  # that one is an answer's beginning, whenever it comes
            await until(lambda: idle.get("shield_upstream_connections_idle") == 0)
            assert hostile.connections >= number


async def test_bytes_on_an_idle_connection_end_it(fleet: Fleet, hostile: Hostile) -> None:
    late = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)
        await late.wait()
        writer.write(GOOD.replace(b"good", b"evil"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD.replace(b"good", b"evil"))
        await reader.read()

    hostile.script = script
    assert (await fleet.get("low", "/x")).body == b"good"
    late.set()
    await until(lambda: fleet.pods["up"].counters.gauges.get("shield_upstream_connections_idle") == 0)
    assert (await fleet.get("low", "/x")).body == b"good"
    assert hostile.connections == 2


async def test_an_answer_before_the_body_was_sent_is_passed_on_and_nothing_is_reused(
    fleet: Fleet, hostile: Hostile
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    hostile.script = script
    client = await fleet.client("low")
    client.send(b"POST /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1000\r\n\r\nbeginning")
    assert (await client.read()).status == 413
    assert await client.closed()
    hostile.script = hostile._well
    assert (await fleet.get("low", "/y")).body == b"good"
    assert hostile.connections == 2


async def test_an_origin_that_takes_no_bytes_gives_the_upload_up(fleet: Fleet, hostile: Hostile) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    hostile.script = script
    client = await fleet.client("low")
    sending = asyncio.create_task(_upload(client, 64 << 20))
    try:
        response = await client.read()
        assert response.status in (502, 504, 524)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # cut amid the upload
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await until(lambda: fleet.pods["up"].counters.gauges.get("shield_requests_running") == 0, 10)


async def _upload(client: Client, size: int) -> None:
    client.send(b"POST /x HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size >> 16):
        client.send(b"x" * 65536)
        await client.writer.drain()

"""Bodies larger than memory, down and up, through two processes: what each of them holds stays flat.

`make soak` moves 5 GB down and 2 GB up the same way.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from world.client import Client
from world.processes import Tiers

PIECE = bytes(range(256)) * 256
DOWN = UP = 300 << 20
GROWTH = 24 << 20
"""Bytes of resident memory that a transfer may add: a process holds at most a few hundred KiB of it at a time, the rest
is what the allocator keeps."""
HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: %s\r\n%s\r\n"


class BigOrigin:
    """Gives DOWN bytes to a GET, with a length or chunked, and counts what it is sent."""

    def __init__(self) -> None:
        self.received = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the proxy left, or stop() ends us
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        cached = b"max-age=60" if b"/cached" in head else b"no-store"
        if head.startswith(b"GET") and b"/chunked" in head:
            writer.write(HEAD % (cached, b"Transfer-Encoding: chunked\r\n"))
            for _ in range(DOWN // len(PIECE)):
                writer.writelines((b"%x\r\n" % len(PIECE), PIECE, b"\r\n"))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif head.startswith(b"GET"):
            writer.write(HEAD % (cached, b"Content-Length: %d\r\n" % DOWN))
            for _ in range(DOWN // len(PIECE)):
                writer.write(PIECE)
                await writer.drain()
        else:
            await self._take(reader, head)
            writer.write(HEAD % (cached, b"Content-Length: 0\r\n"))

    async def _take(self, reader: asyncio.StreamReader, head: bytes) -> None:
        if b"chunked" in head:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                self.received += len(await reader.readexactly(size + 2)) - 2
            await reader.readuntil(b"\r\n")
            return
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while left:
            piece = await reader.read(min(left, 1 << 20))
            assert piece
            left -= len(piece)
            self.received += len(piece)


@pytest_asyncio.fixture
async def big(tmp_path: Path) -> AsyncIterator[tuple[BigOrigin, Tiers]]:
    origin = BigOrigin()
    await origin.start()
    tiers = Tiers(tmp_path, origin.port)
    await asyncio.to_thread(tiers.start)
    yield origin, tiers
    await asyncio.to_thread(tiers.stop)
    await origin.stop()


@pytest.mark.parametrize("target", ["/length", "/chunked", "/cached"])
async def test_a_download_larger_than_memory_leaves_it_flat(big: tuple[BigOrigin, Tiers], target: str) -> None:
    _, tiers = big
    before = [tier.rss() for tier in tiers.all]
    client = await Client.connect(("127.0.0.1", tiers.port))
    client.send(b"GET %s HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n" % target.encode())
    await client.read_head()
    size = 0
    while piece := await client.reader.read(1 << 20):
        size += len(piece)
    assert DOWN <= size < DOWN + DOWN // 100
    grown = [tier.rss("VmHWM") - was for tier, was in zip(tiers.all, before, strict=True)]
    assert max(grown) < GROWTH, grown
    await client.close()


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_upload_larger_than_memory_leaves_it_flat(big: tuple[BigOrigin, Tiers], chunked: bool) -> None:
    origin, tiers = big
    before = [tier.rss() for tier in tiers.all]
    client = await Client.connect(("127.0.0.1", tiers.port))
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % UP
    client.send(b"PUT /up HTTP/1.1\r\nHost: shop.example\r\n" + framing + b"\r\n\r\n")
    for _ in range(UP // len(PIECE)):
        client.writer.writelines((b"%x\r\n" % len(PIECE), PIECE, b"\r\n") if chunked else (PIECE,))
        await client.writer.drain()
    if chunked:
        client.send(b"0\r\n\r\n")
    assert (await client.read()).status == 200
    assert origin.received == UP
    grown = [tier.rss("VmHWM") - was for tier, was in zip(tiers.all, before, strict=True)]
    assert max(grown) < GROWTH, grown
    await client.close()

"""Bodies larger than memory, down and up, through two processes: what each of them holds stays flat.

`make soak` moves 5 GB down and 2 GB up the same way.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from world.bulk import PIECE, BigOrigin
from world.client import Client
from world.processes import Tiers

DOWN = UP = 300 << 20
GROWTH = 24 << 20
"""Bytes of resident memory that a transfer may add: a process holds at most a few hundred KiB of it at a time, the rest
is what the allocator keeps."""


@pytest_asyncio.fixture
async def big(tmp_path: Path) -> AsyncIterator[tuple[BigOrigin, Tiers]]:
    origin = BigOrigin(DOWN)
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

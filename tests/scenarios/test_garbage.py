"""What was needed for a request is freed when it ends: nothing of it waits for the garbage collector, which looks at
everything once a minute at most. A TLS connection in a cycle would hold some hundred KiB for so long."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from world.fleet import Fleet, until
from world.raworigin import RawOrigin
from world.tunnels import echo, open_tunnel, open_tunnels, reset, two_tiers

TIMES = 5


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[RawOrigin]:
    server = RawOrigin()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def cycles() -> dict[str, int]:
    """The proxy's objects that only the collector frees, by type."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        kinds = [f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    return {kind: kinds.count(kind) for kind in kinds if kind.startswith(("shield_proxy", "ssl"))}


async def quiet(fleet: Fleet) -> None:
    """Nothing is under way at any pod, and everything that ended has been told so."""
    await until(lambda: all(pod._core.running == 0 for pod in fleet.pods.values()))
    await until(lambda: fleet.pods["low"]._client.connections == 0)
    await asyncio.sleep(0.05)


async def test_a_client_that_leaves_in_the_middle_of_its_upload_leaves_nothing(
    fleet: Fleet, raw: RawOrigin, uncollected: None
) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass

    raw.talk = swallow
    await two_tiers(fleet, raw.port)
    for _ in range(TIMES):
        client = await fleet.client("low")
        client.send(b"PUT /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
        ended = raw.ended
        await until(lambda: fleet.pods["up"]._core.running == 1)
        reset(client.writer)
        await until(lambda ended=ended: raw.ended > ended)
    await quiet(fleet)
    assert cycles() == {}


async def test_a_tunnel_leaves_nothing(fleet: Fleet, raw: RawOrigin, uncollected: None) -> None:
    raw.talk = echo
    await two_tiers(fleet, raw.port)
    for _ in range(TIMES):
        client = await open_tunnel(fleet)
        client.send(b"words")
        client.writer.write_eof()
        assert await client.reader.read() == b"words|bye"
        await client.close()
        await until(lambda: open_tunnels(fleet) == 0)
    await quiet(fleet)
    assert cycles() == {}


async def test_an_origin_that_closes_without_an_answer_or_in_the_middle_of_one_leaves_nothing(
    fleet: Fleet, raw: RawOrigin, uncollected: None
) -> None:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello")
        await writer.drain()

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says nothing."""

    await two_tiers(fleet, raw.port)
    for talk in (begin, leave) * TIMES:
        raw.talk = talk
        client = await fleet.client("low")
        client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        await client.reader.read(100_000)
        await client.close()
    await quiet(fleet)
    assert cycles() == {}

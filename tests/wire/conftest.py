"""What tests over real sockets share."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from clientport import Port, zone
from echoserver import Server
from nameserver import NameServer
from pooled import World
from world.certificates import Authority
from world.fleet import until

from shield_proxy.wire.upstream.limits import UpstreamLimits


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with NameServer() as names:
        made = World(getattr(request, "param", UpstreamLimits()), names)
        await made.upstream.on("127.0.0.1")
        yield made
        made.pool.close()
        made.upstream.close()
        await made.resolver.close()
        await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    made = Port(tmp_path, Authority())
    for name in ("shop.example", "other.example"):
        made.authority.issue(tmp_path / name.partition(".")[0], name, f"*.{name}")
    made.use(zone("shop", "shop.example", "*.shop.example"), zone("other", "other.example"), zone(None, "bare.example"))
    yield made
    for client in made.clients:
        client.writer.transport.abort()
    for listener in made.listeners:
        listener.close()
    await until(lambda: not any(listener.connections for listener in made.listeners))
    assert all(listener.door.room.taken == 0 for listener in made.listeners)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    await running.start()
    yield running
    for client in running.clients:
        await client.close()
    running.listener.close()
    await until(lambda: running.listener.connections == 0)

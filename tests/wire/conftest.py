"""What tests over real sockets share."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nameserver import NameServer
from pooled import World

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

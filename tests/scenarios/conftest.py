"""Fixtures of scenarios: a real fleet, a real origin, a real Redis."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from world.certificates import Authority
from world.fleet import Clock, Fleet
from world.origin import Origin
from world.raworigin import RawOrigin
from world.redis import Redis
from world.tunnels import echo


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest_asyncio.fixture
async def origin() -> AsyncIterator[Origin]:
    server = Origin()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[RawOrigin]:
    """An origin that agrees to any upgrade and sends back what it gets, unless a test says otherwise."""
    server = RawOrigin(echo)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, authority: Authority) -> AsyncIterator[Fleet]:
    pods = Fleet(tmp_path, Clock(), authority)
    yield pods
    await pods.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()

"""A prober among misbehaving origins."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from health.place import Place
from nameserver import NameServer


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with NameServer() as names:
        made = Place(names, tmp_path)
        yield made
        await made.prober.close()
        await asyncio.sleep(0.01)

"""What tests of deliveries share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from courier.place import Place


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    await made.names.close()

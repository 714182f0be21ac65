"""How tests wait for what happens beside them on their loop."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Returns as soon as it holds; TimeoutError where it does not in time."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)

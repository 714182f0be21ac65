"""Many clients that keep a connection busy with almost nothing do not keep others waiting.

`make soak` measures the same with a thousand of them, by slowhttptest.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from world.processes import Tiers
from world.site import Site
from world.slow import ordinary, slow_clients

SLOW = 300
PATIENCE = 0.5
"""Seconds that the slowest of a hundred requests may take on a busy machine; one that waits for a slow client waits for
its deadline, 30."""


@pytest_asyncio.fixture
async def tiers(tmp_path: Path) -> AsyncIterator[Tiers]:
    site = Site()
    await site.start()
    processes = Tiers(tmp_path, site.port)
    await asyncio.to_thread(processes.start)
    yield processes
    await asyncio.to_thread(processes.stop)
    await site.stop()


@pytest.mark.parametrize("kind", ["header", "body", "read", "idle"])
async def test_others_are_served_as_if_nothing_were(tiers: Tiers, kind: str) -> None:
    async with slow_clients(tiers, kind, SLOW):
        times = await ordinary(tiers.port, seconds=2)
    assert times.failed == 0
    assert times.p99 < PATIENCE, times


async def test_slow_uploads_in_a_crowd_keep_no_connections_upstream(tiers: Tiers) -> None:
    async with slow_clients(tiers, "body", SLOW):
        clients, hops = await asyncio.to_thread(tiers.connections)
        assert clients >= SLOW
        assert hops < 100


async def test_all_kinds_at_once_cost_bounded_memory(tiers: Tiers) -> None:
    before = [tier.rss() for tier in tiers.all]
    async with (
        slow_clients(tiers, "header", SLOW),
        slow_clients(tiers, "body", SLOW),
        slow_clients(tiers, "read", SLOW),
    ):
        times = await ordinary(tiers.port, seconds=2)
        grown = [tier.rss() - was for tier, was in zip(tiers.all, before, strict=True)]
    assert times.failed == 0
    # A stream holds at most 512 KiB received, as much on its way and as much queued, in each process.
    assert max(grown) < SLOW * 3 * (512 << 10), grown

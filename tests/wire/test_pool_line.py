"""Where an upstream has as many connections as it may, requests wait in order and nobody is forgotten."""

import asyncio
import time

import pytest
from pooled import World, until

from shield_proxy.wire.upstream.endpoint import Connecting
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.limits import UpstreamLimits


async def test_past_the_limit_requests_wait_and_are_served_in_order(world: World) -> None:
    busy = await world.connect(most=1)
    order: list[int] = []

    async def ask(number: int) -> None:
        connection = await world.connect(most=1)
        order.append(number)
        await world.use(connection)

    waiting = [asyncio.create_task(ask(i)) for i in range(5)]
    await until(lambda: world.pool.waiting == 5)
    await world.use(busy)
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]
    assert (len(world.upstream.writers), world.pool.waiting, world.pool.waited) == (1, 0, 5)


async def test_who_gives_up_waiting_leaves_no_hole(world: World) -> None:
    busy = await world.connect(most=1)
    waiting = [asyncio.create_task(world.connect(most=1)) for _ in range(4)]
    await until(lambda: world.pool.waiting == 4)
    waiting[0].cancel()
    waiting[2].cancel()
    world.pool._free(busy)
    waiting[1].cancel()  # in the moment in which it was served: its connection goes on to the next
    assert await waiting[3] is busy
    await asyncio.gather(*waiting, return_exceptions=True)
    await world.use(busy)
    assert (world.pool.open, world.pool.idle, world.pool.waiting) == (1, 1, 0)


@pytest.mark.parametrize("world", [UpstreamLimits(wait=0.2)], indirect=True)
async def test_who_waits_too_long_is_told_so_and_the_line_goes_on(world: World) -> None:
    busy = await world.connect(most=1)
    with pytest.raises(UpstreamFailed) as failed:
        await world.connect(most=1)
    assert failed.value.kind == "exhausted"
    await world.use(busy)
    assert world.pool.take_idle(world.endpoint) is busy


@pytest.mark.parametrize("world", [UpstreamLimits(waiting=2)], indirect=True)
async def test_a_full_line_refuses_at_once(world: World) -> None:
    busy = await world.connect(most=1)
    waiting = [asyncio.create_task(world.connect(most=1)) for _ in range(2)]
    await until(lambda: world.pool.waiting == 2)
    started = time.monotonic()
    with pytest.raises(UpstreamFailed) as failed:
        await world.connect(most=1)
    assert failed.value.kind == "exhausted"
    assert time.monotonic() - started < 1
    busy.cut()
    for task in waiting:
        await world.use(await task)


async def test_a_connection_that_breaks_gives_its_place_to_the_first_who_waits(world: World) -> None:
    busy = await world.connect(most=1)
    waiting = asyncio.create_task(world.connect(most=1))
    await until(lambda: world.pool.waiting == 1)
    world.upstream.writers[0].transport.abort()
    fresh = await waiting
    assert fresh is not busy
    await world.use(fresh)


async def test_attempts_that_fail_do_not_hold_up_the_line(world: World) -> None:
    busy = await world.connect(most=1)
    waiting = [asyncio.create_task(world.connect(most=1)) for _ in range(10)]
    await until(lambda: world.pool.waiting == 10)
    world.upstream.close()
    busy.cut()
    failures = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert {failure.kind for failure in failures if isinstance(failure, UpstreamFailed)} == {"refused"}
    assert len(failures) == 10
    assert (world.pool.open, world.pool.waiting) == (0, 0)


async def test_all_who_wait_are_told_when_waiting_is_of_no_use(world: World) -> None:
    await world.connect(most=1)
    waiting = [asyncio.create_task(world.connect(most=1)) for _ in range(3)]
    await until(lambda: world.pool.waiting == 3)
    world.pool.fail_waiting(world.endpoint, "response-timeout")
    for task in waiting:
        with pytest.raises(UpstreamFailed) as failed:
            await task
        assert failed.value.kind == "response-timeout"


async def test_who_needs_a_new_connection_gets_one_in_place_of_another(world: World) -> None:
    busy = await world.connect(most=1)
    how = Connecting(5, most=1, fresh=True)
    waiting = asyncio.create_task(world.pool.connect(world.endpoint, how))
    await until(lambda: world.pool.waiting == 1)
    await world.use(busy)
    fresh = await waiting
    assert fresh is not busy
    assert not fresh.used
    await world.use(fresh)
    assert (world.pool.open, len(world.upstream.writers)) == (1, 2)
    assert await world.pool.connect(world.endpoint, how) is not fresh
    await until(lambda: world.pool.open == 1)


async def test_a_hundred_at_once_never_use_more_than_may_be(world: World) -> None:
    most = 0

    async def ask() -> None:
        nonlocal most
        connection = world.pool.take_idle(world.endpoint) or await world.connect(most=4)
        most = max(most, world.pool.open)
        await world.use(connection)

    await asyncio.gather(*(ask() for _ in range(100)))
    assert most == 4
    assert len(world.upstream.writers) == 4

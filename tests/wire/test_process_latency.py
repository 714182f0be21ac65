"""Connect times to real listeners, and what a failing origin reports."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from freeports import free_port
from shield_proxy.process.latency import LatencyMeter, connect_once, threaded_resolution
from shield_proxy.process.samples import Endpoint, Sample
from waiting import until

Pairs = tuple[tuple[str, str], ...]
connect = partial(connect_once, threaded_resolution())


@asynccontextmanager
async def listener(host: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[int]]]:
    """A port, and a list that grows by one with every connection."""
    taken: list[int] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(1)
        writer.close()

    async with await asyncio.start_server(take, host, 0) as server:
        yield server.sockets[0].getsockname()[1], taken


@asynccontextmanager
async def measuring(meter: LatencyMeter) -> AsyncIterator[None]:
    task = asyncio.create_task(meter.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_connect_is_timed() -> None:
    async with listener() as (port, taken):
        sample = await connect("localhost", port)
        await until(lambda: taken)
    assert sample.error is None
    assert sample.seconds is not None
    assert 0 < sample.seconds < 1


async def test_the_family_that_connects_is_used_where_the_other_refuses() -> None:
    async with listener("127.0.0.1") as (port, _):
        # localhost has an IPv6 address too, on which nobody listens.
        assert (await connect("localhost", port)).seconds is not None


async def test_failures_say_why() -> None:
    assert (await connect("127.0.0.1", free_port())).error == "refused"
    assert (await connect("nowhere.invalid", 80)).error == "unresolved"
    assert (await connect("x" * 80, 80)).error == "unresolved"


async def test_a_listener_that_does_not_answer_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shield_proxy.process.latency.TIMEOUT_SECONDS", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        assert (await connect("127.0.0.1", port)).error == "timeout"
        for client in waiting:
            client.close()


async def test_a_new_backend_is_measured_three_times_at_once_and_reported_for_each_zone() -> None:
    async with listener() as (port, taken):
        targets: dict[Endpoint, Pairs] = {("127.0.0.1", port): (("u1", "web"), ("u2", "app"))}
        meter = LatencyMeter(lambda: targets, connect, asyncio.get_running_loop().time, lambda: 0.5)
        async with measuring(meter):
            await until(lambda: [m.samples for m in meter.report()] == [3, 3])
            assert len(taken) == 3
            assert {(m.zone, m.backend) for m in meter.report()} == {("u1", "web"), ("u2", "app")}
            assert all(m.connect_seconds is not None and m.error is None for m in meter.report())


async def test_what_is_no_target_any_more_is_not_reported() -> None:
    now = [0.0]
    targets: dict[Endpoint, Pairs] = {("127.0.0.1", free_port()): (("u1", "web"),)}
    meter = LatencyMeter(lambda: dict(targets), connect, lambda: now[0], lambda: 0.5)
    async with measuring(meter):
        await until(meter.report)
        assert [(m.connect_seconds, m.error) for m in meter.report()] == [(None, "refused")]
        targets.clear()
        now[0] = 2.5
        await until(lambda: not meter.report())


async def test_no_more_than_sixteen_connects_run_at_once() -> None:
    running: list[int] = []
    most: list[int] = []
    gate = asyncio.Event()

    async def connect(_host: str, port: int) -> Sample:
        running.append(port)
        most.append(len(running))
        await gate.wait()
        running.remove(port)
        return Sample(0.0, 0.1)

    targets: dict[Endpoint, Pairs] = {("127.0.0.1", port): (("u", str(port)),) for port in range(40)}
    meter = LatencyMeter(lambda: targets, connect, lambda: 0.0, lambda: 0.5)
    async with measuring(meter):
        await until(lambda: len(running) == 16)
        gate.set()
        await until(lambda: len(meter.report()) == 40)
    assert max(most) == 16

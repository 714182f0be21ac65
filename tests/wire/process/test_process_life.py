"""A process under load: new states, its end, a log that nobody reads, and more to do than it can."""

import asyncio
import itertools
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from world.load import Load, Origin

from freeports import free_port
from shield_proxy.process.descriptors import raise_file_limit

NewOrigin = Callable[[str], Awaitable[tuple[int, list[str]]]]
LOWER, UPPER = "127.0.0.21", "127.0.0.31"
LABORIOUS = [b"".join(b"X-Field-%d: %d\r\n" % (n, 1000 * block + n) for n in range(90)) for block in range(500)]
"""What costs the proxy more than it costs the test: lines that differ from head to head, so that none is remembered."""


def mixed(number: int) -> str:
    """Every other request is for one of ten resources that are stored."""
    return f"/{number % 10}" if number % 2 else f"/now/{number}"


@pytest_asyncio.fixture
async def quick_origin() -> AsyncIterator[int]:
    """The port of an origin that costs next to nothing."""
    connections: set[Origin] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Origin(connections), "127.0.0.1", 0, backlog=4096)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in tuple(connections):
        connection.transport.abort()
    while connections:
        await asyncio.sleep(0.01)


async def figure(port: int, name: str) -> float:
    """The sum of a figure's series."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", await answer.text(), re.MULTILINE)
    assert found, name
    return sum(map(float, found))


async def test_a_new_state_every_100_ms_costs_no_request(fleet: Any, new_origin: NewOrigin) -> None:
    ports = [(await new_origin(name))[0] for name in ("first", "second")]
    pods = [fleet.start(address, fleet.state(1, ports[0])) for address in (LOWER, UPPER)]
    await fleet.ready(*pods)
    load = Load((LOWER, fleet.client), mixed)
    await load.start(12)
    for generation in range(2, 32):
        assert await fleet.push(fleet.state(generation, ports[generation % 2]), *pods) == [200, 200]
        await asyncio.sleep(0.1)
    await load.stop()
    assert set(load.statuses) == {200}
    assert load.statuses[200] > 100
    assert load.cut == 0


async def test_a_drain_under_load_closes_politely_and_loses_no_request(fleet: Any, new_origin: NewOrigin) -> None:
    port, _ = await new_origin("first")
    pods = [fleet.start(address, fleet.state(1, port)) for address in (UPPER, LOWER)]
    await fleet.ready(*pods)
    load = Load((LOWER, fleet.client), mixed)
    await load.start(12)
    while not load.statuses:
        await asyncio.sleep(0.02)
    pods[1].process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        while (await fleet.readiness(pods[1]))[0] != 503:
            await asyncio.sleep(0.02)
        while load.open:  # each answer is the last of its connection
            await asyncio.sleep(0.02)
    late = Load((LOWER, fleet.client), mixed)  # who has not heard of the end yet is answered still
    await late.start(1)
    assert await pods[1].ended() == 0, pods[1].log.read_text()
    assert set(load.statuses) == set(late.statuses) == {200}
    assert load.cut == late.cut == 0


async def test_a_log_that_nobody_reads_holds_up_no_request(quick_origin: int) -> None:
    port, health = free_port(), free_port()
    arguments = ["run", "--listen", f"127.0.0.1:{port}", "--origin", f"http://127.0.0.1:{quick_origin}"]
    arguments += ["--health", f"127.0.0.1:{health}", "--access-log"]
    # Both outputs are pipes, and nobody reads them.
    process = subprocess.Popen(
        [sys.executable, "-m", "shield_proxy.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        await listens(port)
        load = Load(("127.0.0.1", port), lambda number: f"/{number}?{'x' * 4000}")
        await load.start(16)
        async with asyncio.timeout(60):
            while not await figure(health, "shield_access_log_dropped_total"):
                await asyncio.sleep(0.1)
        load.forget()
        await asyncio.sleep(1)
        await load.stop()
        assert set(load.statuses) == {200}
        assert load.cut == 0
        assert max(load.seconds[200]) < 2
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        process.kill()
        process.communicate()


async def listens(port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                return writer.close()
            except OSError:
                await asyncio.sleep(0.05)


@pytest.fixture
def crowded() -> Iterator[Callable[[int], None]]:
    """Leaves a process a quarter of one core: three others that never rest share it."""
    core = {min(os.sched_getaffinity(0))}
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3)]
    for other in others:
        os.sched_setaffinity(other.pid, core)
    yield lambda pid: os.sched_setaffinity(pid, core)
    for other in others:
        other.kill()
        other.wait()


async def test_overload_keeps_the_goodput_bounds_the_delay_and_is_over_in_seconds(
    spawn: Callable[..., Any], quick_origin: int, crowded: Callable[[int], None]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    port, health = free_port(), free_port()
    pod = spawn(
        "run", "--listen", f"127.0.0.1:{port}", "--origin", f"http://127.0.0.1:{quick_origin}",
        "--health", f"127.0.0.1:{health}",
    )  # fmt: skip
    few, many = Load(("127.0.0.1", port)), Load(("127.0.0.1", port))
    few.fields = many.fields = itertools.cycle(LABORIOUS)
    many.patience = 0.1
    try:
        assert raise_file_limit() >= 4096
        await listens(port)
        crowded(pod.process.pid)
        await few.start(16)
        await asyncio.sleep(1)
        few.forget()
        await asyncio.sleep(2)
        usual = few.statuses[200] / 2
        await many.start(1500)
        async with asyncio.timeout(60):
            while not many.statuses[503]:
                await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        many.forget()
        await asyncio.sleep(4)
        good = many.statuses[200] / 4
        waited = sorted(many.seconds[200])
        assert good > usual / 8  # no collapse; the rest is what refusing costs, and what else the machine does
        assert waited[len(waited) * 9 // 10] < 4  # 1,500 at that pace would wait for much longer than their patience
        assert await figure(health, "shield_requests_shed_total") > 0
        many.abort()
        async with asyncio.timeout(15):
            while await figure(health, "shield_shed_share"):
                await asyncio.sleep(0.1)
        few.forget()
        await asyncio.sleep(0.5)
        assert set(few.statuses) == {200}
        await few.stop()
    finally:
        few.abort()
        many.abort()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert pod.process.poll() is None

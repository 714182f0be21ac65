"""Connections to upstreams over real sockets: reused, bounded, waited for in order, watched while idle."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import uvloop
from nameserver import NameServer

from shield_proxy.wire.upstream.connect import notice_silence
from shield_proxy.wire.upstream.connection import UpstreamConnection
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.limits import UpstreamLimits
from shield_proxy.wire.upstream.names import Names
from shield_proxy.wire.upstream.outflow import response_to
from shield_proxy.wire.upstream.pool import Pool
from shield_proxy.wire.upstream.resolve import Resolver

REQUEST, ANSWER = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Upstream:
    """Answers each request at once; the test may speak and hang up on each connection."""

    def __init__(self) -> None:
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.ended = 0
        self._servers: list[asyncio.Server] = []

    async def on(self, address: str) -> None:
        server = await asyncio.start_server(self._accept, address, self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
        self.ended += 1
        writer.close()

    def close(self) -> None:
        for server in self._servers:
            server.close()
        for writer in self.writers:
            writer.transport.abort()


class World:
    """An upstream on 127.0.0.1, a pool, and time that can be moved on."""

    def __init__(self, limits: UpstreamLimits, names: NameServer) -> None:
        self.upstream = Upstream()
        self.names = names
        self.moved = 0.0
        self.resolver = Resolver(self.clock, Names((names.address,)))
        self.pool = Pool(limits, self.clock, self.resolver)

    def clock(self) -> float:
        return time.monotonic() + self.moved

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.upstream.port)

    async def connect(self, most: int = 10) -> UpstreamConnection:
        return await self.pool.connect(self.endpoint, Connecting(5, most=most))

    async def use(self, connection: UpstreamConnection) -> None:
        """One request; afterwards the connection is free."""
        _, body = await response_to(connection, REQUEST, b"GET", self.clock() + 5)
        assert await body.read() == b"ok"
        assert await body.read() == b""

    async def idle(self, connections: int) -> None:
        made = [await self.connect() for _ in range(connections)]
        for connection in made:
            await self.use(connection)
        assert self.pool.idle == connections


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


async def until(claim: object, seconds: float = 10) -> None:
    assert callable(claim)
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_peer_that_leaves_at_once_is_no_fault_of_ours(loop: str) -> None:
    async def connect_and_lose() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.transport.abort(), "127.0.0.1", 0)
        async with server:
            sock = socket.create_connection(server.sockets[0].getsockname())
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=sock)
            transport.abort()
            for _ in range(10):  # until the loop has closed the socket
                await asyncio.sleep(0.01)
            notice_silence(transport, 3)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        runner.run(connect_and_lose())


async def test_a_connection_notices_a_machine_that_vanished() -> None:
    async with await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        notice_silence(writer.transport, 3)
        sock: socket.socket = writer.get_extra_info("socket")
        tcp = {
            name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"))
            for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
        }
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert tcp == {"KEEPIDLE": 1, "KEEPINTVL": 1, "KEEPCNT": 3, "USER_TIMEOUT": 3000}
        writer.close()
        await writer.wait_closed()


# -- reuse


async def test_the_connection_used_last_is_used_next_so_that_few_carry_the_load(world: World) -> None:
    await world.idle(3)
    first = world.pool.take_idle(world.endpoint)
    assert first is not None
    await world.use(first)
    assert world.pool.take_idle(world.endpoint) is first


async def test_connections_beyond_need_close_after_a_while_and_the_last_one_later(world: World) -> None:
    await world.idle(3)
    world.moved += world.pool.limits.surplus + 1
    world.pool.sweep(world.clock())
    assert world.pool.idle == 1
    await until(lambda: world.upstream.ended == 2)
    world.moved += world.pool.limits.idle
    world.pool.sweep(world.clock())
    await until(lambda: world.pool.open == 0)


@pytest.mark.parametrize("world", [UpstreamLimits(idle_in_all=2)], indirect=True)
async def test_of_too_many_idle_connections_the_ones_unused_longest_are_closed(world: World) -> None:
    await world.idle(3)
    newest = world.pool.take_idle(world.endpoint)
    assert newest is not None
    await world.use(newest)
    world.pool.sweep(world.clock())
    assert world.pool.idle == 2
    assert world.pool.take_idle(world.endpoint) is newest


@pytest.mark.parametrize("speaks", [True, False])
async def test_bytes_or_the_end_on_an_idle_connection_close_it_at_once(world: World, speaks: bool) -> None:
    await world.idle(1)
    writer = world.upstream.writers[0]
    writer.write(ANSWER) if speaks else writer.close()
    await until(lambda: world.pool.open == 0)
    assert world.pool.take_idle(world.endpoint) is None


async def test_different_trust_egress_or_port_is_never_shared(world: World) -> None:
    await world.idle(1)
    assert world.pool.take_idle(Endpoint("127.0.0.1", world.upstream.port, egress="127.0.0.1")) is None
    assert world.pool.take_idle(Endpoint("127.0.0.1", world.upstream.port + 1)) is None
    assert world.pool.take_idle(world.endpoint) is not None


# -- the line


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


# -- names


async def test_when_a_name_moves_new_connections_follow_and_old_ones_end(world: World) -> None:
    await world.upstream.on("127.0.0.2")
    world.names.records["web.test"] = (1, ["127.0.0.1"])
    endpoint, how = Endpoint("web.test", world.upstream.port), Connecting(5)
    idle, busy = await world.pool.connect(endpoint, how), await world.pool.connect(endpoint, how)
    await world.use(idle)
    world.names.records["web.test"] = (60, ["127.0.0.2"])
    async with asyncio.timeout(15):
        while world.pool.idle:
            world.pool.sweep(world.clock())
            await asyncio.sleep(0.02)
    await world.use(busy)
    await until(lambda: world.pool.open == 0)
    await world.pool.connect(endpoint, how)
    assert world.upstream.writers[-1].get_extra_info("sockname")[0] == "127.0.0.2"


async def test_an_address_that_stays_keeps_its_connections(world: World) -> None:
    world.names.records["web.test"] = (1, ["127.0.0.1"])
    endpoint = Endpoint("web.test", world.upstream.port)
    await world.use(await world.pool.connect(endpoint, Connecting(5)))
    world.names.records["web.test"] = (60, ["127.0.0.1", "127.0.0.2"])
    async with asyncio.timeout(15):
        while len(await world.resolver.addresses("web.test")) == 1:
            world.pool.sweep(world.clock())
            await asyncio.sleep(0.02)
    assert world.pool.idle == 1


async def test_the_family_that_answered_is_tried_first_from_then_on(world: World) -> None:
    world.names.records["web.test"] = (60, ["::1", "127.0.0.1"])
    endpoint = Endpoint("web.test", world.upstream.port)
    await world.pool.connect(endpoint, Connecting(5))
    assert world.pool._families == {"web.test": 4}


async def test_a_name_that_nobody_answers_for_is_unresolved_in_time(world: World) -> None:
    world.names.silent = True
    with pytest.raises(UpstreamFailed) as failed:
        await world.pool.connect(Endpoint("web.test", 80), Connecting(0.3))
    assert failed.value.kind == "unresolved"

"""Connections to upstreams over real sockets: reused, watched while idle, following their names."""

import asyncio
import socket

import pytest
import uvloop
from pooled import ANSWER, World, until

from shield_proxy.wire.upstream.connect import notice_silence
from shield_proxy.wire.upstream.endpoint import Connecting, Endpoint
from shield_proxy.wire.upstream.failures import UpstreamFailed
from shield_proxy.wire.upstream.limits import UpstreamLimits


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

"""What one connection may cost: memory for slow readers and senders, requests, time, and connections in all."""

import asyncio
from dataclasses import replace

import pytest
from echoserver import GET, Server
from world.fleet import until


async def test_a_slow_reader_is_not_buffered_for(server: Server) -> None:
    client = await server.client()
    client.send(GET % b"large")
    await client.read_head()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    (connection,) = server.listener._connections
    await until(lambda: connection._channel is not None and connection._channel.stalled_since is not None)
    assert connection._channel is not None
    assert connection._channel.transport.get_write_buffer_size() < 1 << 20
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    assert len(await client.reader.readexactly(8 << 20)) == 8 << 20


async def test_pipelined_hits_are_not_queued_for_a_client_that_does_not_read(server: Server) -> None:
    client = await server.client()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    client.send(GET % b"hit/large" * 500 + GET % b"slow" + GET % b"hit" * 2)
    await until(lambda: server.service.hits > 0)
    (connection,) = server.listener._connections
    await until(lambda: connection._channel is not None and connection._channel.stalled_since is not None)
    assert connection._channel is not None
    assert connection._channel.transport.get_write_buffer_size() < 1 << 20
    assert server.service.hits < 400
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(500):
        assert len((await client.read()).body) == 100_000
    assert [(await client.read()).body for _ in range(3)] == [b"GET/slow", b"hit", b"hit"]
    client.send(GET % b"now")
    assert (await client.read()).body == b"/now"


async def test_hits_that_wait_for_a_slow_reader_outlive_its_half_close(server: Server) -> None:
    client = await server.client()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    client.send(GET % b"hit/large" * 300)
    client.writer.write_eof()
    await until(lambda: server.service.hits > 0)
    await asyncio.sleep(0.05)
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(300):
        assert len((await client.read()).body) == 100_000
    assert await client.closed()


@pytest.mark.parametrize("target", [b"hit", b"now", b"slow"])
async def test_the_last_request_that_a_connection_may_send_closes_it(server: Server, target: bytes) -> None:
    server.listener.limits = replace(server.listener.limits, requests=3)
    client = await server.client()
    client.send(GET % target * 5)
    for _ in range(2):
        assert (await client.read()).values("connection") == []
    assert (await client.read())["connection"] == "close"
    assert await client.closed()


async def test_a_request_body_is_not_buffered_for_a_slow_service(server: Server) -> None:
    client = await server.client()
    server.service.gate.clear()
    client.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
    client.send(b"x" * 20_000_000)
    await until(lambda: len(server.service.seen) == 1)
    await asyncio.sleep(0.05)
    body = server.service.seen[0].body
    assert body is not None
    assert body.waiting < 2 << 20
    server.service.gate.set()
    assert (await client.read()).status == 200


async def test_requests_behind_a_slow_one_are_held_bounded(server: Server) -> None:
    client = await server.client()
    server.service.gate.clear()
    client.send(GET % b"slow")
    await until(lambda: len(server.service.seen) == 1)
    client.send(GET % b"now" * 20_000)
    (connection,) = server.listener._connections
    await until(lambda: connection._channel is not None and connection._channel.paused)
    assert len(connection._held) < 1 << 20
    server.service.gate.set()
    for _ in range(20_000):
        await client.read()


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [(b"", 401, None), (GET % b"now", 401, 200), (b"GET / HT", 31, 408)],
    ids=["silent", "idle", "slow head"],
)
async def test_clients_that_keep_nothing_moving_are_let_go(
    server: Server, sent: bytes, seconds: float, status: int | None
) -> None:
    client = await server.client()
    client.send(sent)
    await until(lambda: server.listener.connections == 1)
    (connection,) = server.listener._connections
    if sent == b"GET / HT":
        await until(lambda: bool(connection._held))
    elif status is not None:
        await client.read()
    server.clock.pass_time(seconds - 5)
    server.listener.sweep(server.clock())
    assert connection._channel is not None
    assert not connection._channel.transport.is_closing()
    server.clock.pass_time(6)
    server.listener.sweep(server.clock())
    if status == 408:
        assert (await client.read()).status == 408
    assert await client.closed()


async def test_a_body_that_stops_is_given_up(server: Server) -> None:
    client = await server.client()
    client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    await until(lambda: len(server.service.seen) == 1)
    server.clock.pass_time(31)
    server.listener.sweep(server.clock())
    assert (await client.read()).status == 408
    assert await client.closed()


async def test_connections_beyond_the_limit_are_closed(server: Server) -> None:
    server.listener.door.room.most = 2
    clients = [await server.client() for _ in range(2)]
    for client in clients:
        client.send(GET % b"now")
        await client.read()
    assert await (await server.client()).closed()
    assert server.listener.refused == 1

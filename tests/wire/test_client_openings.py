"""Connections that only begin, speak something else or are too many cost little and end."""

import asyncio
import contextlib

import pytest
from clientport import GET, Port
from world.fleet import until


async def test_what_speaks_no_tls_gets_a_clear_end(port: Port) -> None:
    listener = await port.secured()
    client = await port.connect(listener)
    client.send(GET % b"told")
    assert (await client.read()).status == 400
    for start in (b"\x80\x2e\x01\x00", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"):
        other = await port.connect(listener)
        other.send(start)
        assert await other.reader.read() in (b"", b"\x15\x03\x01\x00\x02\x02\x32")
    results = listener.door.results
    assert (results["plain-http"], results["not-tls"], results["malformed"]) == (1, 1, 1)


async def test_tls_on_the_plain_port_is_refused_at_once(port: Port) -> None:
    client = await port.connect(await port.listen())
    client.send(b"\x16\x03\x01\x02\x00\x01")
    response = await client.read()
    assert (response.status, response.body) == (400, b"tls-on-plain-port")


@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01\x02\x00\x01\x00"])
async def test_a_slow_handshake_is_ended(port: Port, start: bytes) -> None:
    listener = await port.secured()
    client = await port.connect(listener)
    client.send(start)
    await until(lambda: listener.door.openings == 1)
    port.clock.pass_time(9)
    listener.sweep(port.clock())
    assert listener.connections == 1
    port.clock.pass_time(2)
    listener.sweep(port.clock())
    await until(lambda: listener.connections == 0)
    assert listener.door.results["timeout"] == 1


async def test_where_many_only_begin_the_oldest_gives_way(port: Port) -> None:
    listener = await port.secured(openings=3)
    silent = [await port.connect(listener) for _ in range(5)]
    await until(lambda: listener.door.results["crowded"] == 2)
    assert await port.told(await port.connect_tls(listener, "shop.example"))
    assert listener.door.results["crowded"] == 3
    for client in silent[:3]:
        with contextlib.suppress(ConnectionError):
            assert await client.reader.read() == b""
    assert listener.door.openings == 2


async def test_beyond_the_room_that_ports_share_connections_are_closed(port: Port) -> None:
    listener = await port.secured(room=2)
    first, _second = await port.connect_tls(listener, "shop.example"), await port.connect(listener)
    await until(lambda: listener.door.room.taken == 2)
    third = await port.connect(listener)
    with contextlib.suppress(ConnectionError):
        assert await third.reader.read() == b""
    assert listener.door.refused == 1
    assert await port.told(first)


async def test_draining_ends_connections_that_have_only_begun(port: Port) -> None:
    listener = await port.secured()
    await port.connect(listener)
    idle = await port.connect_tls(listener, "shop.example")
    assert await port.told(idle)
    await until(lambda: listener.connections == 2)
    listener.begin_drain()
    listener.close_idle()
    assert await idle.reader.read() == b""
    await until(lambda: listener.connections == 0)


async def test_who_leaves_amid_a_handshake_is_counted_and_who_only_knocks_is_not(port: Port) -> None:
    listener = await port.secured()
    for start in (b"", b"\x16\x03\x01", b"\x16"):
        client = await port.connect(listener)
        client.send(start)
        await until(lambda: listener.connections == 1)
        await asyncio.sleep(0.01)
        client.writer.close()
        await until(lambda: listener.connections == 0)
    assert listener.door.results["left"] == 2
    assert sum(listener.door.results.values()) == 2

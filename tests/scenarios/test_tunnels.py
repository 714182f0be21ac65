"""Tunnels as bytes: nothing is lost at their beginning and end, and each of them is bounded."""

import asyncio

import pytest
from world.fleet import Fleet, until
from world.raworigin import RawOrigin
from world.tunnels import ASK, SWITCHED, echo, ended, open_tunnel, open_tunnels, reset, two_tiers
from world.websocket import EchoOrigin, websocket

from shield_proxy.tiers.load.tunnels import TunnelLimits


async def test_bytes_sent_before_the_101_are_not_lost(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port)
    client = await open_tunnel(fleet, early=b"too early" * 1000)
    assert await client.reader.readexactly(9000) == b"too early" * 1000
    await client.close()
    await until(lambda: open_tunnels(fleet) == 0)


async def test_bytes_behind_the_origins_101_are_not_lost(fleet: Fleet, raw: RawOrigin) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHED + b"welcome" * 100_000)

    raw.talk = greet
    await two_tiers(fleet, raw.port)
    client = await open_tunnel(fleet)
    assert await client.reader.read() == b"welcome" * 100_000
    client.writer.close()
    await until(lambda: open_tunnels(fleet) == 0)


async def test_a_client_that_ends_its_side_still_gets_the_rest(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port)
    client = await open_tunnel(fleet)
    client.send(b"last words")
    client.writer.write_eof()
    assert await client.reader.read() == b"last words|bye"
    await until(lambda: open_tunnels(fleet) == 0)
    assert ended(fleet) == ended(fleet, "up") == {"closed": 1}


async def test_a_client_that_ended_its_side_before_the_101_still_gets_the_rest(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port)
    client = await fleet.client("low")
    client.send(ASK + b"all I say")
    client.writer.write_eof()
    assert (await client.reader.read()).endswith(b"\r\n\r\nall I say|bye")
    await until(lambda: open_tunnels(fleet) == 0)


async def test_an_origin_that_ends_its_side_still_gets_the_rest(fleet: Fleet, raw: RawOrigin) -> None:
    got = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHED + b"speak")
        writer.write_eof()
        got.set_result(await reader.read())

    raw.talk = listen
    await two_tiers(fleet, raw.port)
    client = await open_tunnel(fleet)
    assert await client.reader.read() == b"speak"
    client.send(b"x" * 300_000)
    client.writer.write_eof()
    assert await got == b"x" * 300_000
    await until(lambda: open_tunnels(fleet) == 0)
    assert ended(fleet) == ended(fleet, "up") == {"closed": 1}


@pytest.mark.parametrize("who", ["client", "origin"])
async def test_a_connection_that_breaks_breaks_the_tunnel(fleet: Fleet, raw: RawOrigin, who: str) -> None:
    broken = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHED)
        await broken.wait()
        reset(writer)

    raw.talk = wait if who == "origin" else echo
    await two_tiers(fleet, raw.port)
    client = await open_tunnel(fleet)
    if who == "client":
        reset(client.writer)
        await until(lambda: raw.ended == 1)
    else:
        broken.set()
        assert await client.closed()
    await until(lambda: open_tunnels(fleet) == 0)
    await until(lambda: fleet.pods["low"]._client.connections == 0)


async def test_a_tunnel_is_not_read_faster_than_it_is_taken(fleet: Fleet, raw: RawOrigin) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHED)
        while True:
            sent.append(100_000)
            writer.write(b"x" * 100_000)
            await writer.drain()

    sent: list[int] = []
    raw.talk = flood
    await two_tiers(fleet, raw.port)
    client = await open_tunnel(fleet)
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    size = -1
    while size != sum(sent):
        size = sum(sent)
        await asyncio.sleep(0.2)
    # All but what the tiers hold is in the kernel's socket buffers, which grow to some megabytes per connection.
    assert size < 64 << 20
    for pod in fleet.pods.values():
        (tunnel,) = pod._core.tunnels._open
        queued = [side.leg.transport.get_write_buffer_size() for side in (tunnel._near, tunnel._far)]
        assert max(queued) < 512 << 10
    client.reader._transport.resume_reading()  # type: ignore[attr-defined]
    assert await client.reader.readexactly(10 << 20) == b"x" * (10 << 20)
    client.writer.transport.abort()
    await until(lambda: open_tunnels(fleet) == 0)


async def test_silence_closes_a_tunnel_and_traffic_keeps_it(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port, tunnels=TunnelLimits(idle=100))
    client = await open_tunnel(fleet)
    for _ in range(3):
        fleet.clock.pass_time(60)
        client.send(b"x")
        assert await client.reader.readexactly(1) == b"x"
    fleet.clock.pass_time(101)
    assert await client.closed()
    await until(lambda: open_tunnels(fleet) == 0 and raw.ended == 1)
    assert "idle" in ended(fleet) | ended(fleet, "up")


async def test_a_tunnel_of_which_one_side_has_ended_may_be_silent_for_less_long(fleet: Fleet, raw: RawOrigin) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCHED)

    raw.talk = leave
    await two_tiers(fleet, raw.port, tunnels=TunnelLimits(idle=1000, half=60))
    client = await open_tunnel(fleet)
    assert await client.closed()
    assert open_tunnels(fleet) == 2
    fleet.clock.pass_time(61)
    await until(lambda: open_tunnels(fleet) == 0)


async def test_a_drain_gives_tunnels_their_time_and_then_closes_them(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port, tunnels=TunnelLimits(drain=1))
    client = await open_tunnel(fleet)
    pod = fleet.pods["low"]
    pod.begin_drain()
    draining = asyncio.create_task(pod.drained(20))
    await asyncio.sleep(0.05)
    client.send(b"still here")
    assert await client.reader.readexactly(10) == b"still here"
    assert await client.closed()
    assert await draining
    assert ended(fleet) == {"drain": 1}
    await until(lambda: open_tunnels(fleet) == 0)


async def test_tunnels_are_bounded_and_give_their_place_back(fleet: Fleet, raw: RawOrigin) -> None:
    await two_tiers(fleet, raw.port, tunnels=TunnelLimits(most=2))
    clients = [await open_tunnel(fleet) for _ in range(2)]
    third = await fleet.client("low")
    third.send(ASK)
    refused = await third.read()
    assert refused.status == 503
    assert "too-many-tunnels" in refused["cache-status"]
    await clients[0].close()
    await until(lambda: open_tunnels(fleet) == 2)  # one, at both tiers
    await open_tunnel(fleet)


async def test_a_tunnel_is_logged_at_its_end_with_its_bytes(fleet: Fleet) -> None:
    echoes = EchoOrigin()
    await echoes.start()
    try:
        await two_tiers(fleet, echoes.port, access_log=True)
        lines: list[str] = []
        log = fleet.pods["low"]._core.access_log
        assert log is not None
        log._write = lambda text: lines.append(text) is None
        async with websocket(fleet.pods["low"].client_addresses[0], "/live", compression=None) as client:
            await client.send(b"x" * 1000)
            await client.recv()
            assert fleet.pods["low"]._core.running == 0  # it holds no place of requests
        await until(lambda: bool(lines))
        (line,) = "".join(lines).splitlines()
        assert '"status":101' in line
        assert '"target":"/live"' in line
        assert '"bytes":1008' in line  # a message of 1000 with its header of 4, and a close frame of 4
    finally:
        await echoes.stop()

"""WebSocket through a lower and an upper tier: one handshake, then a tunnel along both hops."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed
from world.certificates import Authority
from world.fleet import Fleet, OriginTls, until, zone
from world.websocket import EchoOrigin, websocket

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Origin as Backend


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[EchoOrigin]:
    server = EchoOrigin()
    await server.start()
    yield server
    await server.stop()


async def two_tiers(fleet: Fleet, port: int, **changes: object) -> tuple[str, int]:
    low = await fleet.add("low", Tier.LOWER, "eu/a", **changes)
    await fleet.add("up", Tier.UPPER, "us/b", **changes)
    fleet.use(zone(port))
    return low.client_addresses[0]


def tunnels(fleet: Fleet) -> list[int]:
    return [len(fleet.pods[name]._core.tunnels) for name in ("low", "up")]


async def test_text_and_binary_messages_come_back(fleet: Fleet, echo: EchoOrigin) -> None:
    address = await two_tiers(fleet, echo.port)
    async with websocket(address) as client:
        for message in ("hello", "", "ü" * 1000, b"\x00\xff" * 10, os.urandom(1 << 20)):
            await client.send(message)
            assert await client.recv() == message
        assert tunnels(fleet) == [1, 1]
    (request,) = echo.requests
    assert request.headers["Connection"] == "Upgrade"
    assert request.headers["Upgrade"] == "websocket"
    assert request.headers["Host"] == "shop.example"
    assert request.headers["Via"].count("smart-shield") == 2
    await until(lambda: tunnels(fleet) == [0, 0])


async def test_pings_and_close_codes_cross_both_ways(fleet: Fleet, echo: EchoOrigin) -> None:
    address = await two_tiers(fleet, echo.port)
    async with websocket(address) as client:
        await (await client.ping(b"are you there"))
        await client.close(4001, "enough")
    await until(lambda: echo.closed == [(4001, "enough")])
    async with websocket(address) as client:
        await client.send("x")
        await client.recv()
        (connection,) = echo.connections
        await connection.close(4002, "no more")
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "no more")
    await until(lambda: tunnels(fleet) == [0, 0])


async def test_many_tunnels_at_once_do_not_mix(fleet: Fleet, echo: EchoOrigin) -> None:
    address = await two_tiers(fleet, echo.port)

    async def talk(number: int) -> None:
        async with websocket(address, f"/ws?{number}") as client:
            for turn in range(5):
                message = f"{number}/{turn}/" + "x" * (number * 37 % 5000)
                await client.send(message)
                assert await client.recv() == message
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(60):
            group.create_task(talk(number))
    assert len(echo.requests) == 60
    await until(lambda: tunnels(fleet) == [0, 0])
    values = fleet.pods["low"].counters.values, fleet.pods["low"].counters.by_kind
    assert values[0]["shield_tunnels_opened_total"] == 60
    assert values[1]["shield_tunnels_ended_total", "closed"] == 60


async def test_an_origin_with_tls_is_reached_too(
    fleet: Fleet, echo: EchoOrigin, authority: Authority, tmp_path: Path
) -> None:
    directory = authority.issue(tmp_path / "origin", "origin.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    await echo.stop()
    await echo.start(ssl=context)
    address = await two_tiers(fleet, echo.port)
    tls = OriginTls("origin.example", ca_bundle=authority.pem)
    fleet.use(zone(echo.port, origins=(Backend("web", "127.0.0.1", echo.port, tls=tls),)))
    async with websocket(address) as client:
        for message in ("hello", os.urandom(1 << 20), "bye"):
            await client.send(message)
            assert await client.recv() == message
    await until(lambda: tunnels(fleet) == [0, 0])
    assert echo.closed == [(1000, "")]


async def test_clients_with_tls_get_tunnels_too(
    fleet: Fleet, echo: EchoOrigin, authority: Authority, tmp_path: Path
) -> None:
    authority.issue(tmp_path / "certificates" / "shop-tls", "shop.example")
    ports = {"client_tls_listen": (("127.0.0.1", 0),), "certificates_dir": tmp_path / "certificates"}
    low = await fleet.add("low", Tier.LOWER, "eu/a", **ports)
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(echo.port, certificate="shop-tls"))
    low.certificates.look()
    trust = ssl.create_default_context(cadata=authority.pem)
    address = low.client_tls_addresses[0]
    async with websocket(address, uri="wss://shop.example/ws", ssl=trust) as client:
        for message in ("hello", os.urandom(1 << 20), "bye"):
            await client.send(message)
            assert await client.recv() == message
    await until(lambda: tunnels(fleet) == [0, 0])
    assert echo.closed == [(1000, "")]
    assert echo.requests[0].headers["X-Forwarded-Proto"] == "https"

"""Upgrades through two tiers: what is offered, what confirms it, and how many tunnels stand."""

import asyncio
import socket
import struct

from shield_proxy.config.contract import Tier
from world.client import Client
from world.fleet import Fleet, zone

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n"
ASK = b"GET /chat HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: chat\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SWITCHED)
    while piece := await reader.read(1 << 16):
        writer.write(piece)
        await writer.drain()
    writer.write(b"|bye")


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection as a process that dies with unread bytes does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def two_tiers(fleet: Fleet, port: int, **changes: object) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a", **changes)
    await fleet.add("up", Tier.UPPER, "us/b", **changes)
    fleet.use(zone(port))


async def open_tunnel(fleet: Fleet, early: bytes = b"") -> Client:
    client = await fleet.client("low")
    client.send(ASK + early)
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nConnection: Upgrade\r\nUpgrade: chat\r\n" in head
    return client


def open_tunnels(fleet: Fleet) -> int:
    return sum(len(pod._core.tunnels) for pod in fleet.pods.values())


def ended(fleet: Fleet, name: str = "low") -> dict[str, int]:
    kinds = fleet.pods[name].counters.by_kind
    return {how: count for (family, how), count in kinds.items() if family == "shield_tunnels_ended_total"}

"""Gigabytes down and up through a lower and an upper process, and what memory they took."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path

from world.bulk import PIECE, BigOrigin
from world.client import Client
from world.processes import Tiers

GROWTH = 32 << 20
"""Bytes of resident memory that gigabytes may add."""


async def measure(directory: Path, gigabytes_down: float, gigabytes_up: float) -> list[str]:
    """Faults found; prints figures."""
    down, up = (int(size * 1e9) // len(PIECE) * len(PIECE) for size in (gigabytes_down, gigabytes_up))
    origin = BigOrigin(down)
    await origin.start()
    tiers = Tiers(directory, origin.port)
    await asyncio.to_thread(tiers.start)
    try:
        faults = await _moved(tiers, "down", down, _download(tiers.port, down))
        faults += await _moved(tiers, "up", up, _upload(tiers.port, up))
        if origin.received != up:
            faults.append(f"of {up} bytes up {origin.received} arrived")
        return faults
    finally:
        await asyncio.to_thread(tiers.stop)
        await origin.stop()


async def _moved(tiers: Tiers, way: str, size: int, moving: Awaitable[None]) -> list[str]:
    before, began = [tier.rss() for tier in tiers.all], time.monotonic()
    await asyncio.wait_for(moving, 600)
    seconds = time.monotonic() - began
    faults = []
    for tier, was in zip(tiers.all, before, strict=True):
        most = tier.rss("VmHWM")
        print(
            f"  {way} {size / 1e9:.1f} GB in {seconds:.0f} s: {tier.name} {was >> 20} MiB before, {most >> 20} at most"
        )
        if most - was > GROWTH:
            faults.append(f"{way}: {tier.name} grew by {(most - was) >> 20} MiB")
    return faults


async def _download(port: int, size: int) -> None:
    client = await Client.connect(("127.0.0.1", port))
    client.send(b"GET /length HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    while size > 0:
        piece = await client.reader.read(1 << 20)
        if not piece:
            raise EOFError(f"{size} bytes are missing")
        size -= len(piece)
    await client.close()


async def _upload(port: int, size: int) -> None:
    client = await Client.connect(("127.0.0.1", port))
    client.send(b"PUT /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % size)
    while size > 0:
        client.send(PIECE[:size])
        size -= min(size, len(PIECE))
        await client.writer.drain()
    if (await client.read()).status != 200:
        raise ValueError("the upload was refused")
    await client.close()

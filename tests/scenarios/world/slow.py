"""Clients that keep connections busy with almost nothing, and ordinary ones beside them that are timed."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from world.processes import Tiers

HOST = b"Host: shop.example\r\n"
HEADS = {
    "header": b"GET /echo HTTP/1.1\r\n" + HOST,
    "body": b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n",
    "read": b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n",
    "idle": b"",
}
DRIPS = {"header": b"X-A: b\r\n", "body": b"x"}
BUFFER = 4096
"""Bytes that a slow reader's kernel takes at most, or twice that."""


@dataclass(frozen=True)
class Times:
    """What ordinary clients saw, in seconds."""

    count: int
    failed: int
    median: float
    p99: float
    longest: float


@contextlib.asynccontextmanager
async def slow_clients(tiers: Tiers, kind: str, count: int, pause: float = 1.0) -> AsyncIterator[None]:
    """`count` connections of one kind drip a little every `pause` seconds, until the end of the block; the tiers have
    taken them all when it begins."""
    port, writers = tiers.port, list[asyncio.StreamWriter]()
    before = await asyncio.to_thread(tiers.connections)
    for start in range(0, count, 50):
        writers += await asyncio.gather(*(_connect(port, kind) for _ in range(min(50, count - start))))
    dripping = asyncio.create_task(_drip(writers, DRIPS.get(kind, b""), pause))
    try:
        await _settled(tiers, before[0] + count)
        yield
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()


async def _settled(tiers: Tiers, clients: int) -> None:
    """Waits until the lower has so many clients, and neither tier opens connections, or refuses work because so many
    came at once, any more."""
    async with asyncio.timeout(60):
        was: list[int] = []
        while (
            (now := await asyncio.to_thread(tiers.connections)) != was
            or now[0] < clients
            or await asyncio.to_thread(tiers.shedding)
        ):
            was = now
            await asyncio.sleep(0.6)  # the figures are made four times a second


async def _connect(port: int, kind: str) -> asyncio.StreamWriter:
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=BUFFER)
    del reader  # nobody reads: the stream's limit pauses the transport, and then the kernel's window closes
    writer.write(HEADS[kind])
    return writer


async def _drip(writers: list[asyncio.StreamWriter], drop: bytes, pause: float) -> None:
    while drop:
        await asyncio.sleep(pause)
        for writer in writers:
            if not writer.transport.is_closing():
                writer.write(drop)


async def ordinary(
    port: int, seconds: float, rate: float = 100, targets: tuple[str, ...] = ("/small", "/echo")
) -> Times:
    """Requests at a fixed rate, each on one of a few kept connections, timed from when they were due."""
    free: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
    for _ in range(16):
        free.put_nowait(None)
    taken: list[float] = []
    failed = 0

    async def one(target: str, due: float) -> None:
        nonlocal failed
        kept = await free.get()
        try:
            reader, writer = kept or await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {target} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await asyncio.wait_for(reader.readexactly(size), 20)
            failed += not head.startswith(b"HTTP/1.1 200 ")
            kept = reader, writer
        except (OSError, EOFError, TimeoutError, IndexError):
            failed += 1
            kept = None
        free.put_nowait(kept)
        taken.append(time.monotonic() - due)

    began = time.monotonic()
    running = []
    for number in range(int(seconds * rate)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        running.append(asyncio.create_task(one(targets[number % len(targets)], due)))
    await asyncio.gather(*running)
    while not free.empty():
        if (kept := free.get_nowait()) is not None:
            kept[1].transport.abort()
    taken.sort()
    return Times(len(taken), failed, taken[len(taken) // 2], taken[int(len(taken) * 0.99)], taken[-1])

"""Memory of idle connections and of stored entries, as the growth of the server's resident memory."""

import asyncio
import contextlib
import resource
import ssl
import time
from dataclasses import dataclass

from bench.cases import SIZES
from bench.machine import resident_bytes
from bench.peers import Peer

REQUEST = b"GET /1k HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True)
class Growth:
    """Bytes of resident memory per connection or entry."""

    count: int
    bytes_each: float


async def idle_connections(peer: Peer, pid: int, scheme: str, count: int) -> Growth | None:
    """Opens `count` connections, asks once on each and keeps them; None where the peer has no such port."""
    port = peer.port_for(scheme)
    if port is None:
        return None
    _allow_files(count + 1000)
    context = None
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    first = [await _open(port, context) for _ in range(20)]  # what the first ones allocate is everybody's
    before = resident_bytes(pid)
    kept = []
    for start in range(0, count, 50):
        kept += await asyncio.gather(*(_open(port, context) for _ in range(min(50, count - start))))
    await asyncio.sleep(1)
    grown = resident_bytes(pid) - before
    for writer in (*first, *kept):
        writer.transport.abort()
    await asyncio.sleep(1)
    return Growth(count, grown / count)


async def _open(port: int, context: ssl.SSLContext | None) -> asyncio.StreamWriter:
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name, limit=1 << 14)
    writer.write(REQUEST)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(SIZES["1k"])
    return writer


def _allow_files(count: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


async def entries(peer: Peer, pid: int, count: int, seconds: float) -> Growth:
    """Fetches `count` different small objects within `seconds`; growth per entry, body and head included."""
    done = 0
    before = resident_bytes(pid)
    deadline = time.monotonic() + seconds

    async def worker(first: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
        for number in range(first, count, WORKERS):
            if time.monotonic() > deadline:
                break
            writer.write(b"GET /small/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(SIZES["small"])
            done += 1
        writer.close()

    await asyncio.gather(*(worker(first) for first in range(WORKERS)))
    return Growth(done, (resident_bytes(pid) - before) / max(done, 1))


WORKERS = 32


def head_bytes(port: int) -> int:
    """Bytes of the head of a stored small object, as it is sent."""
    return asyncio.run(_head_bytes(port))


async def _head_bytes(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /small/0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return len(head)

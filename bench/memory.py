"""Memory of idle connections and of stored entries, as the growth of the server's resident memory."""

import asyncio
import contextlib
import re
import resource
import socket
import ssl
import time
import urllib.request
from dataclasses import dataclass

from bench.cases import SIZES, Case
from bench.load import saturate
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


def entries(peer: Peer, pid: int, count: int, most_seconds: float = 600) -> Growth:
    """Fetches different small objects until at least `count` are stored; growth per entry beyond body and head."""
    held, before = _stored(peer), resident_bytes(pid)
    deadline = time.monotonic() + most_seconds
    case = Case("entries", "/small/x", "small")
    while (now := _stored(peer)) - held < count and time.monotonic() < deadline:
        saturate(pid, peer.port, case, 3)
    grown = resident_bytes(pid) - before
    return Growth(now - held, grown / max(now - held, 1) - SIZES["small"] - _head_bytes(peer.port))


def _stored(peer: Peer) -> int:
    """Entries in memory, as the server's metrics say."""
    with urllib.request.urlopen(f"http://127.0.0.1:{peer.health}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found = re.search(r"^shield_memory_entries ([0-9.e+]+)$", text, re.MULTILINE)
    return int(float(found[1])) if found is not None else 0


def _head_bytes(port: int) -> int:
    """Bytes of the head of a stored small object, as it is sent."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"GET /small/0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = b""
        while piece := sock.recv(1 << 16):
            said += piece
    return said.index(b"\r\n\r\n") + 4

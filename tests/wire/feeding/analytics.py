"""An analytics service that samples are posted to: over TLS, and as slow or rude as a test wants it."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from health.servers import Behaviour, read_head

from shield_proxy.config.checks.feed import Probed, sample_line
from shield_proxy.config.checks.sample import Sample
from shield_proxy.process.feeding import Access, Feed, Pace, feeding

HASTE = Pace(batch=0.05, post=3.0, least=0.05, most=0.2)
PROBED = Probed("shop", "origin", "0" * 32, "eu", "eu/a")


@dataclass
class Service:
    """Takes what is posted, after the behaviours that were given, one for each connection."""

    port: int = 0
    first: list[Behaviour] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    taken: list[dict[str, object]] = field(default_factory=list)
    changed: threading.Event = field(default_factory=threading.Event)

    def behave(self, sock: socket.socket) -> None:
        """One connection."""
        if self.first:
            self.first.pop(0)(sock)
        else:
            self.take(sock)

    def take(self, sock: socket.socket) -> None:
        """A whole request."""
        self.read(sock)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def read(self, sock: socket.socket) -> None:
        """Its head and body are kept."""
        received = read_head(sock)
        head, _, body = received.partition(b"\r\n\r\n")
        text = head.decode()
        length = int(text.lower().split("content-length: ")[1].split()[0])
        while len(body) < length:
            body += sock.recv(1 << 16)
        self.heads.append(text)
        self.taken += [json.loads(line) for line in body.splitlines()]

    def answers(self, head: str) -> Behaviour:
        """Reads a request, and has it nowhere."""

        def behave(sock: socket.socket) -> None:
            count = len(self.taken)
            self.read(sock)
            del self.taken[count:]
            sock.sendall(head.encode() + b"\r\nContent-Length: 0\r\n\r\n")

        return behave


def hang(sock: socket.socket) -> None:
    """Reads, and never answers."""
    while sock.recv(1 << 16):
        pass


def close(sock: socket.socket) -> None:
    """Ends the connection in the middle of the request."""
    sock.recv(10)


async def look_up(host: str) -> Sequence[str]:
    raise AssertionError(f"{host} is an address")


def line(number: int) -> bytes:
    return sample_line(PROBED, Sample(1_700_000_000.0 + number, None, code=200))


async def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def fed(access: Access, pace: Pace = HASTE, drain: float = 3.0) -> AsyncIterator[Feed]:
    feed = Feed(access, look_up, pace)
    async with feeding(feed, drain):
        yield feed

"""Load on a proxy process that costs the test less than it costs the proxy: bytes out, bytes in, counted."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import cast


class Origin(asyncio.Protocol):
    """Answers every head with the same small response; what is not stored stays not stored."""

    ANSWER = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self, open_ones: "set[Origin]") -> None:
        self.open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.open_ones.add(self)

    def connection_lost(self, _failure: Exception | None) -> None:
        self.open_ones.discard(self)

    def data_received(self, received: bytes) -> None:
        self.transport.write(self.ANSWER * received.count(b"\r\n\r\n"))


class Asking(asyncio.Protocol):
    """One connection that asks, waits for the answer, and asks again, for `load`."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.buffer = b""
        self.asked = 0.0
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ask()

    def ask(self) -> None:
        if self.load.stopped:
            self.transport.close()
            return
        self.asked = asyncio.get_running_loop().time()
        self.waiting = True
        self.transport.write(
            b"GET %s HTTP/1.1\r\nHost: shop.example\r\n%s\r\n" % (self.load.target(), next(self.load.fields))
        )

    def data_received(self, received: bytes) -> None:
        self.buffer += received
        end = self.buffer.find(b"\r\n\r\n") + 4
        if end == 3:
            return
        at = self.buffer.find(b"Content-Length: ") + 16
        size = int(self.buffer[at : self.buffer.find(b"\r\n", at)])
        if len(self.buffer) >= end + size:
            status = int(self.buffer[9:12])
            closes = b"Connection: close" in self.buffer[:end]
            self.buffer, self.waiting = b"", False
            self.load.answered(status, asyncio.get_running_loop().time() - self.asked)
            if closes:
                self.transport.close()
            elif status == 503 and self.load.patience:  # as a client that comes back a little later
                asyncio.get_running_loop().call_later(self.load.patience, self.ask)
            else:
                self.ask()

    def connection_lost(self, _failure: Exception | None) -> None:
        self.load.lost(self)


class Load:
    """So many connections that ask; `statuses` and `seconds` of what was answered."""

    def __init__(self, address: tuple[str, int], target: Callable[[int], str] = lambda n: f"/{n}") -> None:
        self.address = address
        self.numbers = itertools.count()
        self.make = target
        self.fields: Iterator[bytes] = itertools.repeat(b"")
        """Further lines of each head, head by head."""
        self.patience = 0.0
        """Seconds until a connection that was refused asks again."""
        self.stopped = False
        self.statuses: Counter[int] = Counter()
        self.seconds: dict[int, list[float]] = {}
        self.cut = 0
        """Connections that ended while an answer was awaited."""
        self.open: set[Asking] = set()

    def target(self) -> bytes:
        return self.make(next(self.numbers)).encode()

    async def start(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, protocol = await loop.create_connection(lambda: Asking(self), *self.address)
            self.open.add(protocol)

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.setdefault(status, []).append(seconds)

    def lost(self, connection: Asking) -> None:
        self.open.discard(connection)
        self.cut += connection.waiting

    def forget(self) -> None:
        """Counts from now on."""
        self.statuses.clear()
        self.seconds.clear()

    async def stop(self) -> None:
        """Waits for the answers that are due, then ends all connections."""
        self.stopped = True
        async with asyncio.timeout(20):
            while self.open:
                await asyncio.sleep(0.02)

    def abort(self) -> None:
        """Ends all connections at once."""
        self.stopped = True
        for connection in tuple(self.open):
            connection.transport.abort()

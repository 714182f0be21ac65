"""An origin that keeps every byte it got, and answers what its strict reader makes of them."""

import asyncio
from dataclasses import dataclass, field

from corpus.strict import Message, Unreadable, read_all, read_one

ANSWER = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n"


@dataclass(slots=True)
class Connection:
    """What came on one connection; `mark` is where the present case began."""

    raw: bytes = b""
    mark: int = 0
    closed: bool = False
    answered: int = 0
    """Bytes of requests that were answered."""
    continued: int = -1
    """Where the request began that was told to go on."""
    failure: str = ""


@dataclass(slots=True)
class Recorder:
    """Listens on a free port of 127.0.0.1."""

    connections: list[Connection] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends all."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)

    def begin(self) -> None:
        """What comes from now on belongs to the next case."""
        self.connections = [connection for connection in self.connections if not connection.closed]
        for connection in self.connections:
            connection.mark = len(connection.raw)

    def seen(self) -> tuple[list[Message], list[bytes]]:
        """The whole requests since begin(), and the beginnings of unfinished ones. Unreadable."""
        messages: list[Message] = []
        rests: list[bytes] = []
        for connection in self.connections:
            if connection.failure:
                raise Unreadable(f"{connection.failure} in {connection.raw[connection.mark :]!r}")
            whole, rest = read_all(connection.raw[connection.mark :])
            messages += whole
            if rest:
                rests.append(rest)
        return messages, rests

    @property
    def unfinished(self) -> bool:
        """A request has begun on a connection that is still open."""
        return any(c.raw[c.answered :] and not c.closed for c in self.connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection()
        self.connections.append(connection)
        self._writers.add(writer)
        try:
            while received := await reader.read(65536):
                connection.raw += received
                self._answer(connection, writer)
        except ConnectionError:
            pass  # the proxy cut it
        finally:
            connection.closed = True
            self._writers.discard(writer)
            writer.close()

    def _answer(self, connection: Connection, writer: asyncio.StreamWriter) -> None:
        try:
            while found := read_one(connection.raw[connection.answered :]):
                message, rest = found
                connection.answered = len(connection.raw) - len(rest)
                body = message.method + b" " + message.target
                writer.write(ANSWER % len(body) + (b"" if message.method == b"HEAD" else body))
        except Unreadable as failure:
            connection.failure = str(failure)
            writer.close()
            return
        left = connection.raw[connection.answered :]
        if b"\r\n\r\n" in left and b"\r\nexpect:" in left.lower() and connection.continued != connection.answered:
            connection.continued = connection.answered
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

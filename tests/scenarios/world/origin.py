"""An origin server that is told what to answer and remembers what it saw. It shares no code with the proxy."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Seen:
    """A request as the origin got it."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    connection: int = 0
    trailers: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        (value,) = self.values(name)
        return value


@dataclass
class Say:
    """An answer. `chunks` are sent one by one, chunked; `cut` closes before the end; `raw` replaces everything."""

    status: int = 200
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunks: list[bytes] | None = None
    trailers: bytes = b""
    """Whole lines behind the last chunk."""
    delay: float = 0.0
    cut: bool = False
    close: bool = False
    until_close: bool = False
    length: int | None = None
    interim: bytes = b""
    raw: bytes | None = None
    gate: asyncio.Event | None = None
    """The body (after its first chunk) waits for it."""


Script = Callable[[Seen], Say | Awaitable[Say]]


class Origin:
    """Listens on a free port of 127.0.0.1; `script` decides what is answered."""

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda _: Say(body=b"hello"))
        self.reads_bodies = True
        """False: answers after the head, and closes."""
        self.seen: list[Seen] = []
        self.connections = 0
        self.writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in tuple(self.writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Closes all connections, as an origin does with idle ones."""
        for writer in tuple(self.writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.writers.add(writer)
        try:
            while await self._serve(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client left, or stop() ends us
        finally:
            self._tasks.discard(task)
            self.writers.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *rest = head[:-4].decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        pairs = [(name, value.strip()) for name, _, value in (text.partition(":") for text in rest)]
        seen = Seen(method, target, pairs, connection=number)
        self.seen.append(seen)
        if not self.reads_bodies:
            answer = self.script(seen)
            await self._say(writer, answer if isinstance(answer, Say) else await answer, method)
            return False
        if seen.values("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if seen.values("content-length"):
            seen.body = await reader.readexactly(int(seen["content-length"]))
        elif seen.values("transfer-encoding"):
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                seen.body += (await reader.readexactly(size + 2))[:-2]
            while (line := (await reader.readuntil(b"\r\n"))[:-2].decode("latin-1")) != "":
                seen.trailers.append(line)
        answer = self.script(seen)
        say = answer if isinstance(answer, Say) else await answer
        if say.delay:
            await asyncio.sleep(say.delay)
        return await self._say(writer, say, method)

    async def _say(self, writer: asyncio.StreamWriter, say: Say, method: str) -> bool:
        if say.raw is not None:
            writer.write(say.raw)
            return not say.close
        out = say.interim + b"HTTP/1.1 %d Said\r\n" % say.status
        for name, value in say.fields:
            out += f"{name}: {value}\r\n".encode("latin-1")
        bodiless = method == "HEAD" or say.status in (204, 304)
        if say.chunks is not None:
            out += b"Transfer-Encoding: chunked\r\n"
        elif not say.until_close and say.status not in (204, 304):
            out += b"Content-Length: %d\r\n" % (len(say.body) if say.length is None else say.length)
        if say.close or say.until_close:
            out += b"Connection: close\r\n"
        writer.write(out + b"\r\n")
        if not bodiless and say.chunks is not None:
            for i, chunk in enumerate(say.chunks):
                if i and say.gate is not None:
                    await say.gate.wait()
                writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                await writer.drain()
            if not say.cut:
                writer.write(b"0\r\n" + say.trailers + b"\r\n")
        elif not bodiless:
            writer.write(say.body)
        await writer.drain()
        return not (say.cut or say.close or say.until_close)

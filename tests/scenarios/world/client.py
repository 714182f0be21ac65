"""A client that writes bytes and reads responses strictly. It shares no code with the proxy."""

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Response:
    status: int
    fields: list[tuple[str, str]]
    body: bytes
    head: bytes
    interim: list[bytes]
    trailers: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        (value,) = self.values(name)
        return value

    @property
    def word(self) -> str:
        return self["shield-cache-status"]


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, address: tuple[str, int], **tls: Any) -> "Client":
        return cls(*await asyncio.open_connection(*address, limit=1 << 24, **tls))

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def ask(
        self,
        target: str,
        *fields: tuple[str, str],
        method: str = "GET",
        host: str = "shop.example",
        body: bytes | None = None,
    ) -> Response:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{n}: {v}" for n, v in fields)]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return await self.read(method)

    async def read_head(self) -> tuple[int, list[tuple[str, str]], bytes, list[bytes]]:
        interim: list[bytes] = []
        while True:
            head = await self.reader.readuntil(b"\r\n\r\n")
            line, *rest = head[:-4].decode("latin-1").split("\r\n")
            version, status, _ = line.split(" ", 2)
            assert version == "HTTP/1.1", head
            if int(status) >= 200:
                break
            interim.append(head)
        pairs = [(name, value.strip(" ")) for name, _, value in (text.partition(":") for text in rest)]
        return int(status), pairs, head, interim

    async def read(self, method: str = "GET") -> Response:
        """The next response, whole; IncompleteReadError where it is cut short."""
        status, pairs, head, interim = await self.read_head()
        response = Response(status, pairs, b"", head, interim)
        if method == "HEAD" or status in (204, 304):
            return response
        if response.values("transfer-encoding"):
            assert response["transfer-encoding"] == "chunked"
            assert not response.values("content-length")
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                response.body += (await self.reader.readexactly(size + 2))[:-2]
            while (line := (await self.reader.readuntil(b"\r\n"))[:-2].decode("latin-1")) != "":
                response.trailers.append(line)
        elif response.values("content-length"):
            response.body = await self.reader.readexactly(int(response["content-length"]))
        else:
            assert response["connection"] == "close"
            response.body = await self.reader.read()
        return response

    async def closed(self) -> bool:
        """Waits for the other end to close; False if it says something more."""
        try:
            async with asyncio.timeout(5):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, OSError):
            pass

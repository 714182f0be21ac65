"""An origin of bodies larger than memory."""

import asyncio

from world.listening import Listening

PIECE = bytes(range(256)) * 256
HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: %s\r\n%s\r\n"


class BigOrigin(Listening):
    """Gives `size` bytes to a GET, with a length or chunked, and counts what it is sent."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self.received = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        cached = b"max-age=60" if b"/cached" in head else b"no-store"
        if head.startswith(b"GET") and b"/chunked" in head:
            writer.write(HEAD % (cached, b"Transfer-Encoding: chunked\r\n"))
            for _ in range(self._size // len(PIECE)):
                writer.writelines((b"%x\r\n" % len(PIECE), PIECE, b"\r\n"))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif head.startswith(b"GET"):
            writer.write(HEAD % (cached, b"Content-Length: %d\r\n" % self._size))
            for _ in range(self._size // len(PIECE)):
                writer.write(PIECE)
                await writer.drain()
        else:
            await self._take(reader, head)
            writer.write(HEAD % (cached, b"Content-Length: 0\r\n"))

    async def _take(self, reader: asyncio.StreamReader, head: bytes) -> None:
        if b"chunked" in head:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                self.received += len(await reader.readexactly(size + 2)) - 2
            await reader.readuntil(b"\r\n")
            return
        left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while left:
            piece = await reader.read(min(left, 1 << 20))
            assert piece
            left -= len(piece)
            self.received += len(piece)

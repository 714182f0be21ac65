"""An origin of which a test writes every byte."""

import asyncio
from collections.abc import Awaitable, Callable

from world.listening import Listening

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawOrigin(Listening):
    """Reads a head, then lets `talk` go on; `heads` are what it saw."""

    def __init__(self, talk: Talk | None = None) -> None:
        super().__init__()
        self.heads: list[bytes] = []
        self.talk: Talk = talk or _hang_up
        self.ended = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        await self.talk(reader, writer)

    def part(self, writer: asyncio.StreamWriter) -> None:
        self.ended += 1
        writer.close()


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()

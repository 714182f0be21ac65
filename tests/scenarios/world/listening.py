"""What the origins of this world share: a port, a task for each connection, and an end."""

import asyncio
import ssl


class Listening:
    """Serves each connection by converse() until whoever asks leaves, or stop()."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Listens; after stop() on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=1 << 20, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends all."""
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked has left, or stop() ends us
        finally:
            self._tasks.discard(task)
            self.part(writer)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All that is said on one connection."""
        raise NotImplementedError

    def part(self, writer: asyncio.StreamWriter) -> None:
        """Ends the connection."""
        writer.transport.abort()

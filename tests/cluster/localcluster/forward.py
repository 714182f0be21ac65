"""The API server's door to the machine: a socket opened on 127.0.0.1 before the cluster's namespaces were entered still
belongs to the machine's network, and what it accepts is passed on inside."""

from __future__ import annotations

import asyncio
import socket

PIECE = 256 << 10


async def serve(door: socket.socket, host: str, port: int) -> asyncio.Server:
    """A started server that passes every connection of `door` on to host:port; the caller closes it."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port, limit=PIECE)
        except OSError:  # the API server is not up: the client sees its connection closed
            writer.close()
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    return await asyncio.start_server(connection, sock=door, limit=PIECE)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes in one direction until their end, which is passed on too."""
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        pass  # either side broke off; both are closed below
    finally:
        writer.close()

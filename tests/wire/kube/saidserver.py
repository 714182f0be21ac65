"""A server that says over TLS what a test tells it to: for the API's answers that a real one seldom gives."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from world.certificates import Authority

from shield_proxy.kube.account import Account
from shield_proxy.kube.api import Api

Say = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class SaidServer:
    """Each connection is given to `say`. The requests' heads are kept."""

    def __init__(self, say: Say, directory: Path) -> None:
        self._say, self._directory = say, directory
        self.connections = 0

    async def __aenter__(self) -> Api:
        authority = Authority()
        leaf = authority.issue(self._directory, "127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf / "tls.crt", leaf / "tls.key")
        (self._directory / "token").write_text("secret\n")
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        port = self._server.sockets[0].getsockname()[1]
        self._api = Api(Account("127.0.0.1", port, self._directory))
        return self._api

    async def __aexit__(self, *_: object) -> None:
        self._api.close()
        self._server.close()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._say(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


async def request(reader: asyncio.StreamReader) -> str:
    """The head and body of the next request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next((int(line[16:]) for line in head.split("\r\n") if line.startswith("Content-Length: ")), 0)
    return head + (await reader.readexactly(length)).decode()


def answer(body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    """A response with the body."""
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

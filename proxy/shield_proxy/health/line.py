"""A probe's connection: bytes there and back over a socket of its own, under TLS where asked.

No transport: the prober takes bytes when it wants them, so a peer that floods it fills the kernel's buffer alone, and
each error is the kernel's or OpenSSL's own.
"""

import asyncio
import socket
import ssl
from contextlib import suppress

PIECE = 16 << 10
"""Bytes taken at once."""
_RETRANSMITS = 2
"""Where struct tcp_info counts those that nothing has answered yet."""


class Line:
    """Over a connected socket that doesn't block. Whoever made the line closes it."""

    __slots__ = ("_incoming", "_loop", "_outgoing", "_sock", "_tls")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    async def encrypt(self, context: ssl.SSLContext, server_name: str | None) -> ssl.SSLObject:
        """TLS from here on. OSError (of which ssl.SSLError is one) where the handshake fails."""
        tls = self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await self._fetch()
            await self._flush()
        except ssl.SSLError:
            self._say_last()
            raise
        return tls

    async def send(self, payload: bytes) -> None:
        """The kernel has taken it all. OSError."""
        if self._tls is None:
            await self._loop.sock_sendall(self._sock, payload)
        else:
            self._tls.write(payload)
            await self._flush()

    async def receive(self) -> bytes:
        """The next bytes, PIECE at most; none at the end. OSError."""
        if self._tls is None:
            return await self._loop.sock_recv(self._sock, PIECE)
        while True:
            try:
                return self._tls.read(PIECE)
            except ssl.SSLWantReadError:
                await self._fetch()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # An end without an alert is one, too: whether a part is missing is for the framing to say.
                return b""

    def unacknowledged(self) -> bool:
        """Whether the peer's machine has not said that it got what was sent, nor when it was sent again."""
        with suppress(OSError):
            return self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[_RETRANSMITS] > 0
        return False

    def close(self) -> None:
        """Ends the connection; a second call changes nothing."""
        if self._tls is not None and self._sock.fileno() >= 0:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            self._say_last()
        self._sock.close()

    async def _fetch(self) -> None:
        await self._flush()
        received = await self._loop.sock_recv(self._sock, PIECE)
        if received:
            self._incoming.write(received)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._loop.sock_sendall(self._sock, self._outgoing.read())

    def _say_last(self) -> None:
        """An alert, as far as the kernel takes it at once."""
        with suppress(OSError):
            if self._outgoing.pending:
                self._sock.send(self._outgoing.read())

"""A connection until it can carry requests: a PROXY header first, then TLS, each where the port asks for it.

Bounded in bytes, in time (the listener's sweep) and in number; handshakes take turns with everything else that runs.
"""

import asyncio
import ssl
from typing import cast

from shield_proxy.wire.serving.arrival import Arrival
from shield_proxy.wire.serving.clienthello import MOST_BYTES, MalformedHello, NotTls, read_hello
from shield_proxy.wire.serving.doors import Door
from shield_proxy.wire.serving.proxyprotocol import MalformedHeader, read_header
from shield_proxy.wire.serving.trusted import normal_address
from shield_proxy.wire.tls.transport import TlsTransport

DECODE_ERROR = b"\x15\x03\x01\x00\x02\x02\x32"
UNRECOGNIZED_NAME = b"\x15\x03\x01\x00\x02\x02\x70"
"""Fatal alerts, as records (RFC 8446, 6)."""
PLAIN_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 38\r\nCache-Control: no-store\r\n"
    b"Connection: close\r\n\r\nThis port speaks TLS: ask for https://\n"
)
HTTP_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"CONNECT ")


class Opening(asyncio.Protocol):
    """One connection; ends in a ServerConnection or in a counted refusal."""

    __slots__ = (
        "_buffer",
        "_door",
        "_ended",
        "_engine",
        "_hello",
        "_incoming",
        "_peer",
        "_tcp",
        "_told",
        "_trusted",
        "since",
    )

    def __init__(self, door: Door) -> None:
        self._door = door
        self._buffer = bytearray()
        self._tcp: asyncio.Transport | None = None
        self._peer = ""
        self._trusted = False
        self._told = not door.proxy_protocol
        """The PROXY header is read, or there is none to be read."""
        self._hello: str | None = None
        """The name a connection is to be secured for; None until it is known."""
        self._engine: ssl.SSLObject | None = None
        self._incoming: ssl.MemoryBIO | None = None
        self._ended = False
        """Refused, or handed over."""
        self.since = door.clock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the connection if there is room."""
        self._tcp = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self._peer = normal_address(str(name[0])) if name else ""
        if not self._door.admit(self):
            self._ended = True
            self._tcp.abort()
        else:
            self._trusted = self._door.trusted.covers(self._peer)

    def connection_lost(self, _failure: Exception | None) -> None:
        """The client gave up, or was refused. Who has said nothing only looked whether the port is open."""
        if not self._ended and (self._buffer or self._hello is not None):
            self._door.count("left")
        self._ended = True
        self._tcp = self._engine = None
        self._door.forget(self)

    def eof_received(self) -> bool:
        """Whoever has nothing more to say before its first request has said nothing."""
        return False

    def data_received(self, received: bytes) -> None:
        """Goes on as far as the bytes allow."""
        if self._ended or self._tcp is None:
            return
        self._buffer += received
        if not self._told and not self._read_header():
            return
        if not self._door.encrypted:
            self._hand_over()
        elif self._engine is not None:
            self._shake()
        elif self._hello is None:
            self._read_hello()
        elif len(self._buffer) > 2 * MOST_BYTES:  # waits for its turn, and talks on
            self._tcp.pause_reading()

    def _read_header(self) -> bool:
        if self._door.trusted and not self._trusted:
            self._refuse("proxy-untrusted")
            return False
        try:
            told = read_header(bytes(self._buffer))
        except MalformedHeader:
            self._refuse("proxy-malformed")
            return False
        if told is None:
            return False
        del self._buffer[: told.size]
        self._told = True
        self._peer = told.source or self._peer
        self._trusted = self._door.trusted.covers(self._peer)
        return not self._door.encrypted or bool(self._buffer)

    def _read_hello(self) -> None:
        buffer = bytes(self._buffer)
        try:
            hello = read_hello(buffer)
        except NotTls:
            if buffer.startswith(HTTP_METHODS):
                self._refuse("plain-http", PLAIN_HTTP)
            else:
                self._refuse("not-tls")
        except MalformedHello:
            self._refuse("malformed", DECODE_ERROR)
        else:
            if hello is not None:
                self._hello = hello.server_name or ""
                self._door.turns.take(self._begin)

    def _begin(self) -> None:
        """The client's turn has come."""
        if self._ended or self._tcp is None or self._hello is None:
            return
        context = self._door.context(self._hello)
        if context is None:
            self._refuse("unknown-name" if self._hello else "no-name", UNRECOGNIZED_NAME)
            return
        self._incoming = ssl.MemoryBIO()
        self._engine = context.wrap_bio(self._incoming, self._door.outgoing, server_side=True)
        self._tcp.resume_reading()
        self._shake()

    def _shake(self) -> None:
        engine, incoming, tcp, outgoing = self._engine, self._incoming, self._tcp, self._door.outgoing
        if engine is None or incoming is None or tcp is None:
            return
        incoming.write(self._buffer)
        self._buffer.clear()
        try:
            engine.do_handshake()
        except ssl.SSLWantReadError:
            tcp.write(outgoing.read())
        except ssl.SSLError:
            self._refuse("failed", outgoing.read())
        else:
            if outgoing.pending:
                tcp.write(outgoing.read())
            self._door.count("resumed" if engine.session_reused else "agreed")
            self._hand_over()

    def _hand_over(self) -> None:
        """The connection is a server's from now on."""
        tcp, engine, incoming, door = self._tcp, self._engine, self._incoming, self._door
        if tcp is None:
            return
        self._tcp, self._engine, self._ended = None, None, True
        door.forget(self)
        if engine is None or incoming is None:
            connection = door.connection(Arrival(self._peer, self._trusted))
            tcp.set_protocol(connection)
            connection.connection_made(tcp)
            if self._buffer:
                connection.data_received(bytes(self._buffer))
            return
        connection = door.connection(Arrival(self._peer, self._trusted, b"https", self._hello or ""))
        transport = TlsTransport(tcp, engine, incoming, door.outgoing, connection)
        tcp.set_protocol(transport)
        connection.connection_made(transport)
        if incoming.pending:
            transport.data_received(b"")

    def _refuse(self, result: str, last: bytes = b"") -> None:
        """Ends the connection after a last word."""
        if self._ended or self._tcp is None:
            return
        self._ended = True
        self._door.count(result)
        if last:
            self._tcp.write(last)
            self._tcp.close()
        else:
            self._tcp.abort()

    def cut(self, result: str) -> None:
        """Ends the connection at once."""
        if not self._ended:
            self._ended = True
            self._door.count(result)
        if self._tcp is not None:
            self._tcp.abort()

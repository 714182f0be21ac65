"""TLS between a TCP transport and a protocol of ours, once the handshake is done. It is the protocol of one and the
transport of the other.

The loop's own TLS costs a connection twice the memory, and begins with the first byte: nothing could be read before it
(a PROXY header, the name that decides on the certificate), and nothing answered to who speaks no TLS. Encrypted bytes
leave through one buffer that all connections share: whatever is put there is taken out before the call returns, so that
a connection that was sent much keeps no memory of it.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, cast

RECORD = 16 << 10
"""Bytes of a record at most (RFC 8446, 5.1)."""
JOINED = 64 << 10
"""Parts of a write that are together no longer are joined, so that they share records."""


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """One connection; `engine` has done its handshake with `incoming` and `outgoing`."""

    __slots__ = ("_engine", "_held", "_incoming", "_outgoing", "_paused", "_protocol", "_said_all", "_tcp")

    def __init__(
        self,
        tcp: asyncio.Transport,
        engine: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        protocol: asyncio.Protocol,
    ) -> None:
        super().__init__()
        self._tcp, self._engine, self._incoming, self._outgoing = tcp, engine, incoming, outgoing
        self._protocol = protocol
        self._held = b""
        """Encrypted bytes that came after the protocol had asked for a pause."""
        self._paused = False
        self._said_all = False
        """close_notify was sent: nothing can be written any more, and nobody waits for what comes."""

    # -- from the network

    def data_received(self, received: bytes) -> None:
        """Gives the protocol what the bytes hold."""
        if self._said_all:
            return
        if self._paused or self._held:
            self._held += received
        elif len(received) <= RECORD:
            self._incoming.write(received)
            self._read()
        else:
            self._read_long(received)

    def _read_long(self, received: bytes) -> None:
        """Piece by piece: the buffer never shrinks again."""
        for start in range(0, len(received), RECORD):
            if self._paused:
                self._held = received[start:]
                return
            self._incoming.write(received[start : start + RECORD])
            self._read()

    def _read(self) -> None:
        engine, incoming = self._engine, self._incoming
        while not self._paused and not self._said_all:
            try:
                plain = engine.read(RECORD)
            except ssl.SSLWantReadError:
                self._flush()  # an update of keys asks for an answer (RFC 8446, 4.6.3)
                return
            except ssl.SSLError:
                self._flush()
                self._tcp.abort()
                return
            if not plain:
                self._ended()
                return
            self._protocol.data_received(plain)
            if not incoming.pending:  # a read takes a whole record: OpenSSL keeps nothing of it
                return

    def _ended(self) -> None:
        """The client has said close_notify."""
        if not self._protocol.eof_received():
            self.close()

    def _go_on(self) -> None:
        """After a pause: what OpenSSL has first, then what was held back."""
        if self._paused or self._tcp.is_closing():
            return
        self._read()
        if self._held and not self._paused:
            held, self._held = self._held, b""
            self._read_long(held)

    def eof_received(self) -> bool | None:
        """The client's side has ended, with close_notify or without: framing tells whether something is missing."""
        return not self._said_all and self._protocol.eof_received()

    def connection_lost(self, failure: Exception | None) -> None:
        """Tells the protocol."""
        self._said_all = True
        self._held = b""
        self._protocol.connection_lost(failure)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._protocol.resume_writing()

    # -- from the protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends it, encrypted."""
        if self._said_all or not data:
            return
        try:
            if len(data) <= RECORD:
                self._engine.write(data)
                self._tcp.write(self._outgoing.read())
                return
            view = memoryview(data)
            for start in range(0, len(view), RECORD):
                self._engine.write(view[start : start + RECORD])
                self._tcp.write(self._outgoing.read())
        except ssl.SSLError:  # it ended in an error before
            self._outgoing.read()
            self._tcp.abort()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Sends the parts."""
        parts = list_of_data if isinstance(list_of_data, list | tuple) else list(list_of_data)
        if sum(map(len, parts)) <= JOINED:
            self.write(b"".join(parts))
            return
        small: list[bytes | bytearray | memoryview] = []
        for part in parts:
            if len(part) <= RECORD:
                small.append(part)
                continue
            # The head shares a record with the body's beginning.
            view, room = memoryview(part), RECORD - sum(map(len, small)) % RECORD
            self.write(b"".join((*small, view[:room])))
            self.write(view[room:])
            small = []
        self.write(b"".join(small))

    def write_eof(self) -> None:
        """Nothing more is sent; what the client still sends is read and dropped."""
        self._say_all()
        if not self._tcp.is_closing():
            self._tcp.write_eof()

    def can_write_eof(self) -> bool:
        """One direction can end alone."""
        return True

    def close(self) -> None:
        """Ends the connection after what is queued."""
        self._say_all()
        self._tcp.close()

    def abort(self) -> None:
        """Ends the connection at once; without close_notify, so that no client takes a part for the whole."""
        self._said_all = True
        self._tcp.abort()

    def _say_all(self) -> None:
        if self._said_all:
            return
        self._said_all = True
        try:
            self._engine.unwrap()
        except ssl.SSLError:  # the client's own close_notify has not come: nobody waits for it
            pass
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._tcp.write(self._outgoing.read())

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """What comes from now on is for this one."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whom it tells what comes."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether it ends."""
        return self._tcp.is_closing()

    def pause_reading(self) -> None:
        """Nothing is given to the protocol until resume_reading()."""
        self._paused = True
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """What came meanwhile follows, after the caller is done."""
        if not self._paused:
            return
        self._paused = False
        self._tcp.resume_reading()
        asyncio.get_running_loop().call_soon(self._go_on)

    def is_reading(self) -> bool:
        """Whether it is not paused."""
        return not self._paused

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Of encrypted bytes."""
        self._tcp.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Encrypted bytes that are queued."""
        return self._tcp.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the TCP transport; `ssl_object` is the engine."""
        return self._engine if name == "ssl_object" else self._tcp.get_extra_info(name, default)

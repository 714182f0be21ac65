"""A connection to the API server: one request at a time, and its response, strictly read and bounded."""

import asyncio
import json
import socket
import ssl
from typing import Any

from shield_proxy.kube.errors import TooLarge, Unreachable
from shield_proxy.wire.http.body import BodyDecoder, decoder_for
from shield_proxy.wire.http.message import Refused, ResponseHead
from shield_proxy.wire.http.parse import HeadLimits, parse_response

LIMITS = HeadLimits()
PIECE = 64 << 10
MOST_ANSWER = 8 << 20
"""Bytes of an answer; who lists asks for fewer objects where it is more."""
MOST_EVENT = 4 << 20
"""Bytes of one event of a watch; objects have 1.5 MB at most."""
_KEEPALIVE = (
    (socket.TCP_KEEPIDLE, 10),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
    (socket.TCP_USER_TIMEOUT, 10_000),
)
"""A machine that vanished is noticed after 25 s where nothing is to be said, and 10 s after something was. A server
that is only slow is waited for longer."""


class Line:
    """Over streams of its own. Whoever opened it closes it. Its methods raise OSError, and Unreachable where what is
    received makes no sense; neither has a deadline of its own."""

    __slots__ = ("_decoder", "_head", "_reader", "_received", "_searched", "_writer")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._head: ResponseHead | None = None
        self._decoder: BodyDecoder | None = None
        self._received = bytearray()
        self._searched = 0

    @classmethod
    async def open(cls, host: str, port: int, trust: ssl.SSLContext) -> "Line":
        """A line to the server, which has shown that it is the cluster's."""
        reader, writer = await asyncio.open_connection(host, port, ssl=trust, limit=LIMITS.head)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        return cls(reader, writer)

    async def ask(self, request: bytes, method: bytes) -> ResponseHead:
        """The head of the response to a request."""
        self._head = None
        self._writer.write(request)
        await self._writer.drain()
        try:
            head = parse_response(await self._reader.readuntil(b"\r\n\r\n"), method, LIMITS)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the connection ended without a response") from error
        except (asyncio.LimitOverrunError, Refused) as error:
            raise Unreachable(f"the response is malformed: {error}") from error
        self._head, self._decoder = head, decoder_for(head.framing)
        return head

    async def document(self) -> Any:
        """The decoded body of the response; None where it is no JSON."""
        body = bytearray()
        while (piece := await self._piece()) is not None:
            body += piece
            if len(body) > MOST_ANSWER:
                raise TooLarge(f"the answer has more than {MOST_ANSWER} bytes")
        try:
            return json.loads(body)
        except ValueError:
            return None

    async def event(self) -> Any:
        """The next line of the response's body, decoded as soon as it is there; None at its end."""
        while True:
            end = self._received.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._received[:end])
                del self._received[: end + 1]
                self._searched = 0
                if line:
                    return _decoded(line)
                continue
            self._searched = len(self._received)
            if self._searched > MOST_EVENT:
                raise Unreachable(f"an event has more than {MOST_EVENT} bytes")
            piece = await self._piece()
            if piece is None:
                return None
            self._received += piece

    @property
    def reusable(self) -> bool:
        """Whether a further request may be sent on it: the last response was read to its end."""
        head, decoder = self._head, self._decoder
        return head is not None and decoder is not None and head.keep_alive and decoder.done and not decoder.by_close

    def close(self) -> None:
        """Ends the connection at once; a second call changes nothing."""
        self._writer.transport.abort()

    async def _piece(self) -> bytes | None:
        """Some bytes of the body, which may be none; None at its end."""
        decoder = self._decoder
        assert decoder is not None
        if decoder.done:
            return None
        received = await self._reader.read(PIECE)
        if not received:
            if decoder.by_close:
                return None
            raise ConnectionResetError("the connection ended within the response")
        try:
            pieces, _ = decoder.feed(received)
        except Refused as refused:
            raise Unreachable(f"the response is malformed: {refused}") from refused
        return b"".join(pieces)


def _decoded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise Unreachable("an event is no JSON") from error

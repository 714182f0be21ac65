"""Bodies from bytes as they come: fed pieces of any size, a decoder gives the same bytes. Pure."""

import re
from collections.abc import Callable
from typing import Protocol

from shield_proxy.wire.http.message import Chunked, Fields, Framing, Length, NoBody, Refused, UntilClose
from shield_proxy.wire.http.parse import split_fields

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*+)?")
MAX_SIZE_LINE = 4 << 10
MAX_OVERHEAD = 64 << 10
"""Bytes of chunk extensions and trailers in one body."""
MOST_TRAILERS = 100


class BodyDecoder(Protocol):
    """Turns bytes of the connection into bytes of the body."""

    done: bool
    """The body is complete."""
    by_close: bool
    """The connection's end completes the body."""
    trailers: Fields
    """What followed it, once it is complete."""

    def feed(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Pieces of the body, and what follows its end. Refused where chunks are malformed."""
        ...


class LengthDecoder:
    """A body of known size."""

    __slots__ = ("_left", "by_close", "done", "trailers")

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = size == 0
        self.by_close = False
        self.trailers: Fields = ()

    def feed(self, received: bytes) -> tuple[list[bytes], bytes]:
        """See BodyDecoder."""
        if len(received) < self._left:
            self._left -= len(received)
            return ([received] if received else []), b""
        piece, rest = received[: self._left], received[self._left :]
        self._left, self.done = 0, True
        return ([piece] if piece else []), rest


class UntilCloseDecoder:
    """A body that the connection's end completes."""

    __slots__ = ("by_close", "done", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.by_close = True
        self.trailers: Fields = ()

    def feed(self, received: bytes) -> tuple[list[bytes], bytes]:
        """See BodyDecoder."""
        return [received], b""


class ChunkedDecoder:
    """Chunks (RFC 9112, 7.1). Extensions are checked and left out, trailers are kept; the size of both is bounded."""

    __slots__ = ("_held", "_left", "_overhead", "_step", "by_close", "done", "trailers")

    def __init__(self) -> None:
        self._held = b""
        self._left = 0
        self._overhead = 0
        # A function, not a method of this object's own: that would be a cycle, which only the collector ends.
        self._step: Callable[[ChunkedDecoder, bytes, int], int] = ChunkedDecoder._size_line
        self.done = False
        self.by_close = False
        self.trailers: Fields = ()

    def feed(self, received: bytes) -> tuple[list[bytes], bytes]:
        """See BodyDecoder."""
        buffer = self._held + received if self._held else received
        self._held = b""
        pieces: list[bytes] = []
        position = 0
        while not self.done:
            if self._left:
                piece = buffer[position : position + self._left]
                if piece:
                    pieces.append(piece)
                    position += len(piece)
                    self._left -= len(piece)
                if self._left:
                    return pieces, b""
                self._step = ChunkedDecoder._chunk_end
            following = self._step(self, buffer, position)
            if following < 0:
                self._held = buffer[position:]
                return pieces, b""
            position = following
        return pieces, buffer[position:]

    def _chunk_end(self, buffer: bytes, position: int) -> int:
        end = buffer[position : position + 2]
        if not b"\r\n".startswith(end):
            raise Refused(400, "malformed-chunk")
        if len(end) < 2:
            return -1
        self._step = ChunkedDecoder._size_line
        return position + 2

    def _size_line(self, buffer: bytes, position: int) -> int:
        end = buffer.find(b"\n", position)
        if end < 0:
            if len(buffer) - position > MAX_SIZE_LINE:
                raise Refused(400, "chunk-extension-too-long")
            return -1
        line = buffer[position : end - 1]
        size = _SIZE_LINE.fullmatch(line) if buffer[end - 1] == 13 and end > position else None
        if size is None or len(line) > MAX_SIZE_LINE:
            raise Refused(400, "malformed-chunk")
        self._count(len(line) - len(size[1]))
        self._left = int(size[1], 16)
        if self._left == 0:
            self._step = ChunkedDecoder._trailers
        return end + 1

    def _trailers(self, buffer: bytes, position: int) -> int:
        if buffer.startswith(b"\r\n", position):
            self.done = True
            return position + 2
        end = buffer.find(b"\r\n\r\n", position)
        if end < 0:
            if len(buffer) - position > MAX_OVERHEAD:
                raise Refused(400, "trailers-too-large")
            return -1
        self._count(end + 4 - position)
        self.trailers = split_fields(buffer[position : end + 4])
        if len(self.trailers) > MOST_TRAILERS:
            raise Refused(400, "too-many-trailers")
        self.done = True
        return end + 4

    def _count(self, overhead: int) -> None:
        self._overhead += overhead
        if self._overhead > MAX_OVERHEAD:
            raise Refused(400, "chunk-overhead")


def decoder_for(framing: Framing) -> BodyDecoder:
    """A decoder at the start of a body."""
    match framing:
        case NoBody():
            return LengthDecoder(0)
        case Length(size):
            return LengthDecoder(size)
        case Chunked():
            return ChunkedDecoder()
        case UntilClose():
            return UntilCloseDecoder()

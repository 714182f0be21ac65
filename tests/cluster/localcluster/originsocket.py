"""A WebSocket that sends back every message (RFC 6455), as far as a test origin needs it: no extensions, no checks of
what a client may not do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE, PING, PONG = 0x8, 0x9, 0xA
LARGEST = 16 << 20


def accept_line(key: str) -> str:
    """The header by which a server answers this Sec-WebSocket-Key (RFC 6455, 4.2.2)."""
    digest = hashlib.sha1(key.encode() + GUID, usedforsecurity=False).digest()
    return f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Sends every frame back until the client says goodbye; the bytes of all payloads."""
    received = 0
    while True:
        first, payload = await read_frame(reader)
        received += len(payload)
        code = first & 0x0F
        writer.write(frame(first & 0xF0 | (PONG if code == PING else code), payload))
        await writer.drain()
        if code == CLOSE:
            return received


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """First byte and unmasked payload of the next frame (RFC 6455, 5.2). EOFError where it is cut short."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    if length > LARGEST:
        raise EOFError(f"a frame of {length} bytes")
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    payload = await reader.readexactly(length)
    key = int.from_bytes(mask * (length // 4 + 1), "big") >> (8 * (4 - length % 4))
    return first, (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")


def frame(first: int, payload: bytes) -> bytes:
    """A server's frame, which is not masked."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length) + payload
    return struct.pack("!BBQ", first, 127, length) + payload

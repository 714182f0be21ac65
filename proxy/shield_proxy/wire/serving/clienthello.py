"""The name a TLS client asks for, read from its first message before any key is made. Pure.

Only what choosing a certificate needs is read (RFC 8446, 4.1.2; RFC 6066, 3); OpenSSL judges the same bytes afterwards.
"""

import re
from dataclasses import dataclass

MOST_BYTES = 18 << 10
"""Of a ClientHello with its records; browsers send below 2 KiB."""
MOST_RECORDS = 16
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = 22, 1, 0
_NAME = re.compile(rb"[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,252}[0-9A-Za-z_])?")


class NotTls(ValueError):
    """What came is no TLS at all."""


class MalformedHello(ValueError):
    """It began like TLS and is not a ClientHello that can be understood."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What the client asks for."""

    server_name: str | None
    """In lower case; None: it names nobody."""


def read_hello(buffer: bytes) -> Hello | None:
    """The hello a connection begins with; None while only part of it has come. NotTls, MalformedHello."""
    if buffer and buffer[0] != _HANDSHAKE:
        raise NotTls("the first byte is not of a handshake")
    message = _message(buffer)
    return None if message is None else Hello(_server_name(_extensions(message)))


def _message(buffer: bytes) -> bytes | None:
    """The first handshake message, put together from its records."""
    fragments: list[bytes] = []
    position = have = 0
    need = 4
    while have < need and position + 5 <= len(buffer):
        kind, major, length = buffer[position], buffer[position + 1], _number(buffer, position + 3, 2)
        if kind != _HANDSHAKE or major != 3 or not 0 < length <= 1 << 14 or len(fragments) == MOST_RECORDS:
            raise MalformedHello("malformed record")
        if position + 5 + length > len(buffer):
            break
        fragments.append(buffer[position + 5 : position + 5 + length])
        have += length
        position += 5 + length
        if need == 4 and have >= 4:
            start = b"".join(fragments)
            if start[0] != _CLIENT_HELLO:
                raise MalformedHello("not a ClientHello")
            need += _number(start, 1, 3)
    if have >= need:
        return b"".join(fragments)[4:need]
    if len(buffer) > MOST_BYTES:
        raise MalformedHello("too long")
    return None


def _extensions(message: bytes) -> bytes:
    """Version, random, then session id, cipher suites and compression methods with their lengths before them."""
    position = 34
    for width in (1, 2, 1):
        position += width + _number(message, position, width)
    if position == len(message):
        return b""
    length = _number(message, position, 2)
    if position + 2 + length != len(message):
        raise MalformedHello("malformed extensions")
    return message[position + 2 :]


def _server_name(extensions: bytes) -> str | None:
    position = 0
    found: bytes | None = None
    while position < len(extensions):
        kind, length = _number(extensions, position, 2), _number(extensions, position + 2, 2)
        position += 4 + length
        if position > len(extensions):
            raise MalformedHello("malformed extension")
        if kind == _SERVER_NAME:
            if found is not None:
                raise MalformedHello("two names")
            found = extensions[position - length : position]
    return None if found is None else _host_name(found)


def _host_name(extension: bytes) -> str:
    """A list with one host name; more than one, or of another kind, was never defined."""
    if _number(extension, 0, 2) + 2 != len(extension) or extension[2:3] != b"\x00":
        raise MalformedHello("malformed name")
    name = extension[5:]
    if _number(extension, 3, 2) != len(name) or _NAME.fullmatch(name) is None:
        raise MalformedHello("malformed name")
    return name.decode("ascii").lower()


def _number(source: bytes, position: int, width: int) -> int:
    if position + width > len(source):
        raise MalformedHello("cut short")
    return int.from_bytes(source[position : position + width], "big")

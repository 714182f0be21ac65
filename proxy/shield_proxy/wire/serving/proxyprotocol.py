"""The PROXY protocol, versions 1 and 2: what a load balancer says of the connection it passes on. Pure.

https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt; sections below are of that document.
"""

import ipaddress
import re
from dataclasses import dataclass

from shield_proxy.wire.serving.trusted import normal_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST_LINE = 107
"""Bytes of a version 1 header with its CRLF (2.1)."""
LONGEST_BLOCK = 4096
"""Bytes of addresses and TLVs in a version 2 header; more are refused, though 65,535 could be announced."""
_PORT = rb"(0|[1-9][0-9]{0,4})"
_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) " + _PORT + b" " + _PORT + rb"\r\n")
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_UNSPEC, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_ADDRESSES = {_UNSPEC: 0, _TCP4: 12, _TCP6: 36, _UNIX: 216}
"""Family and transport -> bytes of the address block (2.2)."""


class MalformedHeader(ValueError):
    """The connection does not begin with a valid header; it must be closed (2: a receiver must not guess)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a header says."""

    source: str | None
    """The client's address; None where the balancer speaks for itself or does not know."""
    size: int
    """Bytes of the header; the client's own follow."""


def read_header(buffer: bytes) -> Told | None:
    """The header a connection begins with; None while only part of it has come; MalformedHeader as soon as it can't
    become a valid one."""
    if buffer[:12] == SIGNATURE:
        return _read_block(buffer)
    if SIGNATURE.startswith(buffer):
        return None
    if buffer[:6] != b"PROXY "[: len(buffer)]:
        raise MalformedHeader("no PROXY header")
    return _read_line(buffer)


def _read_line(buffer: bytes) -> Told | None:
    end = buffer.find(b"\n", 0, LONGEST_LINE) + 1
    if not end:
        if len(buffer) >= LONGEST_LINE:
            raise MalformedHeader("line too long")
        return None
    line = buffer[:end]
    if _UNKNOWN.fullmatch(line):
        return Told(None, end)
    match = _LINE.fullmatch(line)
    if match is None or int(match[4]) > 65535 or int(match[5]) > 65535:
        raise MalformedHeader("malformed line")
    family = ipaddress.IPv4Address if match[1] == b"TCP4" else ipaddress.IPv6Address
    try:
        source = family(match[2].decode())
        family(match[3].decode())
    except ValueError as error:
        raise MalformedHeader("malformed address") from error
    return Told(normal_address(str(source)), end)


def _read_block(buffer: bytes) -> Told | None:
    if len(buffer) < 16:
        if len(buffer) > 12 and buffer[12] not in (0x20, 0x21):
            raise MalformedHeader("unknown version or command")
        return None
    command, family, length = buffer[12], buffer[13], int.from_bytes(buffer[14:16], "big")
    if command not in (0x20, 0x21):
        raise MalformedHeader("unknown version or command")
    if length > LONGEST_BLOCK:
        raise MalformedHeader("header too long")
    local = command == 0x20
    if not local and (family not in _ADDRESSES or length < _ADDRESSES[family]):
        raise MalformedHeader("unknown family, or too short for its addresses")
    if len(buffer) < 16 + length:
        return None
    block = buffer[16 : 16 + length]
    if local:  # the balancer's own connection; its family is to be ignored (2.2)
        return Told(None, 16 + length)
    _check_extensions(block[_ADDRESSES[family] :])
    if family == _TCP4:
        return Told(str(ipaddress.IPv4Address(block[:4])), 16 + length)
    if family == _TCP6:
        return Told(normal_address(str(ipaddress.IPv6Address(block[:16]))), 16 + length)
    return Told(None, 16 + length)


def _check_extensions(block: bytes) -> None:
    """Type, length, value, again and again (2.2.7): skipped, but they must fill the block exactly."""
    position = 0
    while position < len(block):
        position += 3 + int.from_bytes(block[position + 1 : position + 3], "big")
    if position != len(block):
        raise MalformedHeader("malformed extension")

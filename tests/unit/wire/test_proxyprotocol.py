"""The PROXY protocol, both versions."""

import ipaddress

import pytest

from shield_proxy.wire.serving.proxyprotocol import LONGEST_BLOCK, SIGNATURE, MalformedHeader, Told, read_header

V4 = ipaddress.ip_address("192.0.2.1").packed + ipaddress.ip_address("198.51.100.2").packed + b"\x12\x34\x00\x50"
V6 = ipaddress.ip_address("2001:db8::1").packed + ipaddress.ip_address("2001:db8::2").packed + b"\x12\x34\x00\x50"
MAPPED = ipaddress.ip_address("::ffff:192.0.2.1").packed + V6[16:]


def block(command: int, family: int, content: bytes) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(content).to_bytes(2, "big") + content


def extension(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


VALID = {
    "version 1, IPv4": (b"PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n", "192.0.2.1"),
    "version 1, IPv6": (b"PROXY TCP6 2001:DB8::1 2001:db8::2 4660 80\r\n", "2001:db8::1"),
    "version 1, IPv4 inside IPv6": (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n", "192.0.2.1"),
    "version 1, longest": (
        b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n",
        "ffff:" * 7 + "ffff",
    ),
    "version 1, unknown": (b"PROXY UNKNOWN\r\n", None),
    "version 1, unknown with addresses": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    "version 2, IPv4": (block(0x21, 0x11, V4), "192.0.2.1"),
    "version 2, IPv6": (block(0x21, 0x21, V6), "2001:db8::1"),
    "version 2, IPv4 inside IPv6": (block(0x21, 0x21, MAPPED), "192.0.2.1"),
    "version 2, extensions": (block(0x21, 0x11, V4 + extension(4, b"") + extension(0xEA, b"\x01vpce-0")), "192.0.2.1"),
    "version 2, local": (block(0x20, 0x00, b""), None),
    "version 2, local with anything": (block(0x20, 0x11, b"\xff\xff"), None),
    "version 2, unspecified": (block(0x21, 0x00, b""), None),
    "version 2, unix": (block(0x21, 0x31, b"/" * 216), None),
    "version 2, largest": (block(0x21, 0x11, V4 + extension(4, b"\0" * (LONGEST_BLOCK - 15))), "192.0.2.1"),
}


@pytest.mark.parametrize("name", VALID)
def test_a_header_is_read_whole_and_in_every_split(name: str) -> None:
    header, source = VALID[name]
    for rest in (b"", b"GET / HTTP/1.1\r\n", b"\r\n"):
        assert read_header(header + rest) == Told(source, len(header))
    for end in range(len(header)):
        assert read_header(header[:end]) is None


MALFORMED = {
    "a request": b"GET / HTTP/1.1\r\n",
    "a ClientHello": b"\x16\x03\x01\x02\x00",
    "lower case": b"proxy TCP4 192.0.2.1 198.51.100.2 4660 80\r\n",
    "another family": b"PROXY UDP4 192.0.2.1 198.51.100.2 4660 80\r\n",
    "families mixed": b"PROXY TCP4 2001:db8::1 198.51.100.2 4660 80\r\n",
    "no port": b"PROXY TCP4 192.0.2.1 198.51.100.2 4660\r\n",
    "port too large": b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 80\r\n",
    "port with a zero before it": b"PROXY TCP4 192.0.2.1 198.51.100.2 080 80\r\n",
    "address with zeros before it": b"PROXY TCP4 192.000.002.001 198.51.100.2 1 80\r\n",
    "address that is none": b"PROXY TCP4 192.0.2.256 198.51.100.2 1 80\r\n",
    "two spaces": b"PROXY TCP4  192.0.2.1 198.51.100.2 1 80\r\n",
    "bare line feed": b"PROXY TCP4 192.0.2.1 198.51.100.2 1 80\n",
    "more behind the ports": b"PROXY TCP4 192.0.2.1 198.51.100.2 1 80 x\r\n",
    "too long": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "endless": b"PROXY UNKNOWN " + b"x" * 93,
    "signature broken": SIGNATURE[:-1] + b"\r",
    "version 3": SIGNATURE + b"\x31",
    "unknown command": SIGNATURE + b"\x22\x11\x00\x0c" + V4,
    "unknown family": block(0x21, 0x41, V6),
    "datagrams": block(0x21, 0x12, V4),
    "too short for its addresses": block(0x21, 0x21, V4),
    "announced too long": SIGNATURE + b"\x21\x11" + (LONGEST_BLOCK + 1).to_bytes(2, "big"),
    "extension longer than the header": block(0x21, 0x11, V4 + b"\x04\x00\x02x"),
    "extension cut short": block(0x21, 0x11, V4 + b"\x04\x00"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_header_is_refused_whole_and_byte_by_byte(name: str) -> None:
    with pytest.raises(MalformedHeader):
        read_header(MALFORMED[name])
    with pytest.raises(MalformedHeader):
        feed_slowly(MALFORMED[name])


def feed_slowly(header: bytes) -> None:
    for end in range(len(header) + 1):
        assert read_header(header[:end]) is None

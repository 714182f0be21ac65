"""Names in ClientHellos, those of a real client and broken ones."""

import ssl

import pytest

from shield_proxy.wire.serving.clienthello import MOST_BYTES, Hello, MalformedHello, NotTls, read_hello


def hello_of(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """What OpenSSL sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def records(message: bytes, size: int) -> bytes:
    """A handshake message in records of `size` bytes."""
    pieces = [message[start : start + size] for start in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def built(extensions: bytes) -> bytes:
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    return records(b"\x01" + len(body).to_bytes(3, "big") + body, 1 << 14)


def named(name: bytes, kind: int = 0) -> bytes:
    entry = bytes((kind,)) + len(name).to_bytes(2, "big") + name
    content = len(entry).to_bytes(2, "big") + entry
    return b"\x00\x00" + len(content).to_bytes(2, "big") + content


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", [None, "shop.example", "XN--BCHER-KVA.example", "a." * 100 + "example"])
def test_the_name_of_a_real_client_is_found_whole_and_in_every_split(name: str | None, version: ssl.TLSVersion) -> None:
    hello = hello_of(name, version)
    expected = Hello(name.lower() if name else None)
    assert read_hello(hello) == expected
    assert read_hello(hello + b"more") == expected
    for end in range(len(hello)):
        assert read_hello(hello[:end]) is None


def test_a_hello_in_several_records_is_put_together() -> None:
    hello = hello_of("shop.example")
    assert read_hello(records(hello[5:], 60)) == Hello("shop.example")


def test_a_hello_without_extensions_names_nobody() -> None:
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    assert read_hello(records(b"\x01" + len(body).to_bytes(3, "big") + body, 99)) == Hello(None)


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"\x80\x2e\x01", b"\x15\x03\x01", b"\x00"])
def test_what_is_no_tls_is_told_from_its_first_byte(start: bytes) -> None:
    with pytest.raises(NotTls):
        read_hello(start)


MALFORMED = {
    "a record of another version": b"\x16\x02\x00\x00\x05hello",
    "an empty record": b"\x16\x03\x01\x00\x00",
    "a record too long": b"\x16\x03\x01\x40\x01",
    "another message": b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
    "application records between": b"\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00\x01x",
    "records too many": records(hello_of("shop.example")[5:], 1),
    "an endless message": records(b"\x01\xff\xff\xff" + bytes(MOST_BYTES), 1 << 13)[: MOST_BYTES + 1],
    "an empty message": records(b"\x01\x00\x00\x00", 99),
    "extensions longer than the message": built(b"")[:-2] + b"\x00\x01",
    "an extension longer than all": built(b"\x00\x00\x00\x09abc"),
    "an extension cut short": built(b"\x00\x00\x00"),
    "two names": built(named(b"a.example") + named(b"b.example")),
    "two names in one list": built(b"\x00\x00\x00\x0a\x00\x08" + b"\x00\x00\x01a" * 2),
    "a name of another kind": built(named(b"a.example", kind=1)),
    "an empty name": built(named(b"")),
    "an empty list": built(b"\x00\x00\x00\x02\x00\x00"),
    "an empty extension": built(b"\x00\x00\x00\x00"),
    "a name with a zero": built(named(b"a.example\x00b")),
    "a name with a slash": built(named(b"../a")),
    "a name with a final dot": built(named(b"a.example.")),
    "a name too long": built(named(b"a" * 256)),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_hello_is_refused(name: str) -> None:
    with pytest.raises(MalformedHello):
        read_hello(MALFORMED[name])

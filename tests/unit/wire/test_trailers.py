"""Trailers: read strictly, bounded, and passed on only where they can't change what the message means."""

import pytest

from shield_proxy.wire.http.body import ChunkedDecoder
from shield_proxy.wire.http.message import Refused
from shield_proxy.wire.http.trailers import announced, last_chunk, may_pass, passable


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_trailers_are_kept_however_the_bytes_come(step: int) -> None:
    raw = b"1\r\nx\r\n0\r\nChecksum: abc\r\nX-A: \r\n\r\nnext"
    decoder, rest = ChunkedDecoder(), b""
    for start in range(0, len(raw), step):
        piece = raw[start : start + step]
        rest += piece if decoder.done else decoder.feed(piece)[1]
    assert (decoder.done, decoder.trailers, rest) == (True, ((b"Checksum", b"abc"), (b"X-A", b"")), b"next")


@pytest.mark.parametrize(
    "trailers", [b"X: a\r\n" * 101, b"X: " + b"a" * (65 << 10) + b"\r\n", b"X : a\r\n", b"X\r\n", b"X: a\x00\r\n"]
)
def test_too_many_too_long_or_malformed_ones_are_refused(trailers: bytes) -> None:
    with pytest.raises(Refused):
        ChunkedDecoder().feed(b"0\r\n" + trailers + b"\r\n")


def test_framing_routing_authentication_and_content_fields_never_pass() -> None:
    never = (
        "Content-Length Transfer-Encoding TE Trailer Connection Upgrade Keep-Alive Host Via CDN-Loop Max-Forwards "
        "Authorization Cookie Set-Cookie WWW-Authenticate Proxy-Authorization Content-Type Content-Encoding "
        "Cache-Control Vary Age Expires Range If-None-Match Expect X-Forwarded-For X-Real-IP Shield-Budget Forwarded "
        "Content-Range Sec-WebSocket-Key Access-Control-Allow-Origin Cache-Status"
    )
    assert [name for name in never.split() if may_pass(name.encode())] == []
    assert may_pass(b"Checksum")
    assert passable(((b"HOST", b"a"), (b"Checksum", b"b"))) == ((b"Checksum", b"b"),)


def test_what_is_announced_is_what_may_pass() -> None:
    assert announced({b"trailer": b"Checksum, Content-Length, X-A"}) == ((b"Trailer", b"checksum, x-a"),)
    assert announced({b"trailer": b"Host"}) == announced({}) == ()


def test_the_last_chunk_carries_them() -> None:
    assert last_chunk(()) == b"0\r\n\r\n"
    assert last_chunk(((b"A", b"b"),)) == b"0\r\nA: b\r\n\r\n"

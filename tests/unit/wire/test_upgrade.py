"""Which offers to change protocols are passed on, and which 101 is believed."""

import pytest

from shield_proxy.wire.http.parse import HeadLimits, parse_request, parse_response
from shield_proxy.wire.http.upgrade import accepted, offered


def offer(*lines: str, line: str = "GET / HTTP/1.1") -> bytes:
    head = "\r\n".join((line, "Host: a", *lines, "", "")).encode()
    return offered(parse_request(head, HeadLimits()))


@pytest.mark.parametrize(
    ("value", "passed_on"),
    [
        ("websocket", b"websocket"),
        ("WebSocket", b"WebSocket"),
        ("chat/2, , websocket", b"chat/2, websocket"),
        ("h2c", b""),
        ("H2C, HTTP/2.0, http/3, TLS/1.0, tls, h2", b""),
        ("h2c, websocket", b"websocket"),
        ("a b, websocket", b"websocket"),
        ("a, b, c, d, e", b"a, b, c, d"),
        ("", b""),
        ("/1", b""),
    ],
)
def test_offers_hold_no_version_of_http_or_tls_and_only_tokens(value: str, passed_on: bytes) -> None:
    assert offer("Connection: Upgrade", f"Upgrade: {value}") == passed_on


def test_an_offer_needs_connection_http_1_1_and_no_body() -> None:
    said = ("Connection: keep-alive, upgrade", "Upgrade: x")
    assert offer(*said) == b"x"
    assert offer("Connection: keep-alive", "Upgrade: x") == b""
    assert offer("Upgrade: x") == b""
    assert offer(*said, line="GET / HTTP/1.0") == b""
    assert offer(*said, "Content-Length: 1") == b""
    assert offer(*said, "Transfer-Encoding: chunked") == b""
    assert offer(*said, "Content-Length: 0", line="POST / HTTP/1.1") == b"x"


@pytest.mark.parametrize(
    ("lines", "protocol"),
    [
        (("Connection: upgrade", "Upgrade: WebSocket"), b"WebSocket"),
        (("Connection: Upgrade", "Upgrade: chat"), b"chat"),
        (("Connection: Upgrade", "Upgrade: h2c"), None),
        (("Connection: Upgrade", "Upgrade: websocket, chat"), None),
        (("Connection: Upgrade",), None),
        (("Upgrade: websocket",), None),
    ],
)
def test_a_101_names_one_protocol_of_the_offer(lines: tuple[str, ...], protocol: bytes | None) -> None:
    head = "\r\n".join(("HTTP/1.1 101 Switching Protocols", *lines, "", "")).encode()
    assert accepted(parse_response(head, b"GET", HeadLimits()), b"websocket, chat") == protocol

"""What origins do over plain HTTP, and the reason that a probe gives."""

import socket
import time

import pytest
from health.cases import Case, case
from health.place import SHORT, Place
from health.servers import OK, after_reading, answers, floods, leave, reset, serving, speaks_first, wait_for_end

from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.exchange import ask
from shield_proxy.health.journey import Journey
from shield_proxy.health.line import Line

HEAD = b"HTTP/1.1 200 OK\r\n"


async def test_what_was_said_before_the_connection_broke_is_heard() -> None:
    """The request can't be sent any more, but what its server had to say is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sock:
        sock.setblocking(False)
        server, _ = listener.accept()
        server.sendall(b"HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\n\r\n")
        reset(server)
        head, _ = await ask(Line(sock), b"GET / HTTP/1.1\r\n\r\n", b"GET", Journey(time.monotonic))
        assert head.status == 408


@pytest.mark.parametrize(
    "case",
    [
        case("silence", Reason.HTTP_TIMEOUT, wait_for_end, "no response within 0.6 s", SHORT),
        case("slow drip of a head", Reason.HTTP_TIMEOUT, floods(HEAD, b"X: y\r\n", 0.1), "no end", SHORT),
        case(
            "slow drip of a body",
            Reason.HTTP_TIMEOUT,
            floods(HEAD + b"Content-Length: 9999\r\n\r\n", b"x", 0.1),
            "no end",
            SHORT,
        ),
        case("reset before the response", Reason.RESET, after_reading(reset), "connection reset by peer"),
        case("reset within the head", Reason.RESET, answers(HEAD, reset), "connection reset by peer"),
        case(
            "reset within the body",
            Reason.RESET,
            answers(HEAD + b"Content-Length: 9\r\n\r\n123", reset),
            "connection reset by peer",
        ),
        case("another code", Reason.CODE_MISMATCH, answers(b"HTTP/1.1 404 Not Found\r\n\r\n"), "received 404"),
        case("bad gateway", Reason.CODE_MISMATCH, answers(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), "received 502"),
        case(
            "redirect that is not followed",
            Reason.CODE_MISMATCH,
            answers(b"HTTP/1.1 301 Moved\r\nLocation: https://web.example/\r\n\r\n"),
            "expected 200; received 301",
        ),
        case(
            "redirect loop",
            Reason.CODE_MISMATCH,
            answers(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
            "received 302 after 10 redirects",
            follow_redirects=True,
        ),
        case("another body", Reason.BODY_MISMATCH, answers(OK), "expected 'fine' in the body", expected_body="fine"),
        case(
            "body too late in an endless one",
            Reason.BODY_MISMATCH,
            floods(HEAD + b"\r\n" + b"x" * (10 << 10) + b"fine", b"y" * 65536),
            "received the first 10240 bytes of no type",
            expected_body="fine",
        ),
        case("endless head", Reason.HTTP_INVALID, floods(HEAD, b"X: " + b"y" * 65536), "head-too-large"),
        case("endless fields", Reason.HTTP_INVALID, floods(HEAD, b"X: y\r\n" * 999), "head-too-large"),
        case("endless hints", Reason.HTTP_INVALID, floods(b"", b"HTTP/1.1 103 Hints\r\n\r\n"), "head-too-large"),
        case("endless first line", Reason.HTTP_INVALID, floods(b"HTTP/1.1 200 ", b"x" * 65536), "head-too-large"),
        case(
            "endless chunk extension",
            Reason.HTTP_INVALID,
            floods(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 65536),
            "chunk-extension-too-long",
        ),
        case("another protocol", Reason.HTTP_INVALID, speaks_first(b"SSH-2.0-OpenSSH_9\r\n"), "not-http"),
        case("HTTP/2", Reason.HTTP_INVALID, answers(b"\0\0\x12\x04\0\0\0\0\0"), "not-http"),
        case("TLS on the plain port", Reason.HTTP_INVALID, answers(b"\x15\x03\x01\0\x02\x02\x16"), "not-http"),
        case("bare line feeds", Reason.HTTP_INVALID, answers(b"HTTP/1.1 200 OK\n\nok"), "bare-line-feed"),
        case("no code", Reason.HTTP_INVALID, answers(b"HTTP/1.1 OK\r\n\r\n"), "malformed-status-line"),
        case("two lengths", Reason.HTTP_INVALID, answers(HEAD + b"Content-Length: 1, 2\r\n\r\n"), "content-length"),
        case(
            "length and chunks",
            Reason.HTTP_INVALID,
            answers(HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "transfer-encoding-with-content-length",
        ),
        case(
            "broken chunks",
            Reason.HTTP_INVALID,
            answers(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "malformed-chunk",
        ),
        case("an upgrade", Reason.HTTP_INVALID, answers(b"HTTP/1.1 101 Switching\r\n\r\n"), "101-unasked"),
        case("no response", Reason.HTTP_INVALID, after_reading(leave), "without a response"),
        case("half a head", Reason.HTTP_INVALID, answers(HEAD, leave), "within the response's head"),
        case(
            "half a body",
            Reason.HTTP_INVALID,
            answers(HEAD + b"Content-Length: 9\r\n\r\n123", leave),
            "within the body, after 3 bytes",
        ),
        case(
            "redirect to no URL",
            Reason.HTTP_INVALID,
            answers(b"HTTP/1.1 302 Found\r\nLocation: ftp://web.example/\r\n\r\n"),
            "Location is of scheme 'ftp'",
            follow_redirects=True,
        ),
        case(
            "redirect to the API server",
            Reason.DNS_INTERNAL,
            answers(b"HTTP/1.1 302 Found\r\nLocation: https://10.96.0.1/\r\n\r\n"),
            "10.96.0.1 is internal",
            follow_redirects=True,
        ),
        case(
            "redirect to metadata of the cloud by name",
            Reason.DNS_INTERNAL,
            answers(b"HTTP/1.1 302 Found\r\nLocation: http://metadata.example/\r\n\r\n"),
            "metadata.example is 169.254.169.254, which is internal",
            follow_redirects=True,
        ),
        case(
            "redirect to an unknown host",
            Reason.DNS_UNKNOWN_HOST,
            answers(b"HTTP/1.1 302 Found\r\nLocation: http://nobody.example/\r\n\r\n"),
            "nobody.example has no address",
            follow_redirects=True,
        ),
    ],
)
async def test_an_origin_over_plain_http(place: Place, case: Case) -> None:
    place.names.records["metadata.example"] = (60, ["169.254.169.254"])
    with serving(case.behave) as server:
        sample = await place.probe(server.port, timeout=case.timeout, **case.config)
    assert sample.reason is case.reason, sample
    assert case.detail in sample.detail
    assert sample.address == "127.0.0.1" or case.reason in (Reason.DNS_INTERNAL, Reason.DNS_UNKNOWN_HOST)

"""Probes of origins that answer as expected: what is asked, what is measured, and what is left behind."""

import socket
import time
from typing import Any

import pytest
from health.place import ID, WEB, Place
from health.servers import (
    OK,
    answers,
    context_of,
    encrypted,
    leave,
    read_head,
    serving,
    wait_for_end,
)

from shield_proxy.config.checks.check import Method
from shield_proxy.wire.http.parse import HeadLimits, parse_request

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "config"),
    [
        (OK, {}),
        (OK, {"expected_body": "OK"}),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nall\r\n5;x\r\n goOD\r\n0\r\n\r\n",
            {"expected_body": "all good"},
        ),
        (HEAD + b"Content-Length: 9000000\r\n\r\n" + b"x" * (10 << 10), {}),
        (HEAD + b"Content-Length: 77\r\n\r\n", {"method": Method.HEAD}),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, {}),
        (b"HTTP/1.1 204 No Content\r\n\r\n", {"expected_codes": ("200", "204")}),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", {"expected_codes": ("3xx",)}),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", {"expected_codes": ("302",), "follow_redirects": True}),
    ],
)
async def test_what_is_expected_is_healthy(place: Place, response: bytes, config: dict[str, Any]) -> None:
    with serving(answers(response)) as server:
        sample = await place.probe(server.port, **config)
    assert (sample.reason, sample.detail, sample.address, sample.attempts) == (None, "", "127.0.0.1", 1)


@pytest.mark.parametrize("beginning", [b"HTTP/1.0 200 OK\r\n\r\n", HEAD + b"\r\n"])
async def test_the_connections_end_may_end_the_body(place: Place, beginning: bytes) -> None:
    with serving(answers(beginning + b"fine", leave)) as server:
        assert (await place.probe(server.port, expected_body="fine")).healthy
    context = context_of(place.files("web.example"))
    with serving(encrypted(context, answers(beginning + b"fine", leave))) as server:
        assert (await place.probe(server.port, "HTTPS", header=WEB, expected_body="fine")).healthy


async def test_ipv6_is_probed(place: Place) -> None:
    with serving(answers(OK), "::1") as server:
        place.names.records["six.example"] = (60, ["::1"])
        for address in ("::1", "six.example"):
            sample = await place.probe(server.port, address=address)
            assert (sample.reason, sample.address) == (None, "::1")


async def test_the_address_that_answers_is_the_one_told(place: Place) -> None:
    place.names.records["two.example"] = (60, ["127.0.0.9", "127.0.0.1"])
    with serving(answers(OK)) as server:
        sample = await place.probe(server.port, address="two.example")
    assert (sample.reason, sample.address) == (None, "127.0.0.1")


async def test_a_request_says_who_asks_and_holds_the_checks_fields(place: Place) -> None:
    heads: list[bytes] = []

    def remember(sock: socket.socket) -> None:
        heads.append(read_head(sock))
        sock.sendall(OK)
        wait_for_end(sock)

    with serving(remember) as server:
        header = (*WEB, ("X-Key", "a"), ("X-Key", "b"))
        assert (await place.probe(server.port, path="/health?x=1", header=header)).healthy
    head = parse_request(heads[0], HeadLimits())
    assert (head.method, head.target, head.authority, head.keep_alive) == (
        b"GET",
        b"/health?x=1",
        b"web.example",
        False,
    )
    assert head.index[b"user-agent"].endswith(b"healthcheck-id: " + ID[:16].encode() + b")")
    assert head.index[b"x-key"] == b"a, b"


async def test_the_host_field_is_the_server_name_and_without_one_none_is_sent(place: Place) -> None:
    place.names.records["web.example"] = (60, ["127.0.0.1"])
    asked: list[str | None] = []
    context = context_of(place.files("web.example"))
    context.sni_callback = lambda _sock, name, _context: asked.append(name)
    with serving(encrypted(context, answers(OK))) as server:
        assert (await place.probe(server.port, "HTTPS", header=WEB)).healthy
        assert (await place.probe(server.port, "HTTPS", address="web.example")).healthy
    assert asked == ["web.example", None]


async def test_the_waterfall_tells_where_the_time_went(place: Place) -> None:
    place.names.records["web.example"] = (60, ["127.0.0.1"])

    def slow(sock: socket.socket) -> None:
        read_head(sock)
        time.sleep(0.2)
        sock.sendall(OK[:-2])
        time.sleep(0.2)
        sock.sendall(OK[-2:])
        wait_for_end(sock)

    began = time.time()
    with serving(encrypted(context_of(place.files("web.example")), slow)) as server:
        sample = await place.probe(server.port, "HTTPS", address="web.example")
    fall = sample.waterfall
    assert fall.dns is not None
    assert fall.tcp is not None
    assert fall.tls is not None
    assert fall.first_byte is not None
    assert 0.2 <= fall.first_byte < fall.total
    assert fall.dns + fall.tcp + fall.tls + fall.first_byte + 0.19 <= fall.total
    assert sample.code == 200
    assert began - 1 < sample.at <= time.time()


async def test_a_redirect_is_followed_to_the_same_machine_under_the_same_name(place: Place) -> None:
    """A Host field of a name that leads elsewhere doesn't make the probe go there."""
    context = context_of(place.files("web.example"))
    with serving(encrypted(context, answers(OK))) as secure:
        location = f"https://web.example:{secure.port}/in".encode()
        with serving(answers(b"HTTP/1.1 301 Moved\r\nLocation: " + location + b"\r\n\r\n")) as plain:
            sample = await place.probe(plain.port, header=WEB, follow_redirects=True)
    assert (sample.reason, sample.code, sample.waterfall.dns) == (None, 200, None)
    assert sample.waterfall.tls is not None
    assert place.names.asked == []


async def test_a_redirect_to_another_host_is_followed_by_its_name(place: Place) -> None:
    place.names.records["other.example"] = (60, ["127.0.0.1"])
    context = context_of(place.files("other.example"))
    with serving(encrypted(context, answers(OK))) as secure:
        location = f"https://other.example:{secure.port}/".encode()
        with serving(answers(b"HTTP/1.1 307 Elsewhere\r\nLocation: " + location + b"\r\n\r\n")) as plain:
            assert (await place.probe(plain.port, header=WEB, follow_redirects=True)).healthy

"""TLS of probes: certificates, names, versions, and what is no TLS at all."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from health.cases import Case, case
from health.place import SHORT, WEB, Place
from health.servers import (
    OK,
    Behaviour,
    after_reading,
    answers,
    context_of,
    encrypted,
    floods,
    leave,
    recognizing,
    reset,
    serving,
    speaks_first,
    wait_for_end,
)
from world.certificates import Authority

from shield_proxy.config.checks.reasons import Reason

HEAD = b"HTTP/1.1 200 OK\r\n"


def answering(files: Path, **how: Any) -> Behaviour:
    return encrypted(context_of(files, **how), answers(OK))


@pytest.mark.parametrize("with_host", [True, False])
async def test_certificates(place: Place, with_host: bool) -> None:
    """By the Host field's name; and without one by the address' name, which is not sent."""
    place.names.records["web.example"] = (60, ["127.0.0.1"])
    asked: dict[str, Any] = {"header": WEB} if with_host else {"address": "web.example"}
    another = Authority("another CA")
    for files, reason in (
        (place.files("web.example"), None),
        (place.files("*.web.example", "other.example"), Reason.TLS_NAME),
        (place.files("web.example", authority=another), Reason.TLS_UNTRUSTED),
        (place.files("web.example", expired=True), Reason.TLS_UNTRUSTED),
    ):
        with serving(answering(files)) as server:
            sample = await place.probe(server.port, "HTTPS", **asked)
            assert sample.reason is reason, sample
            assert sample.reason is None or "certificate" in sample.detail
            insecure = await place.probe(server.port, "HTTPS", allow_insecure=True, **asked)
            assert insecure.healthy, insecure


async def test_an_address_must_be_in_the_certificate(place: Place) -> None:
    with serving(answering(place.files("127.0.0.1"))) as server:
        assert (await place.probe(server.port, "HTTPS")).healthy
    with serving(answering(place.files("127.0.0.2"))) as server:
        assert (await place.probe(server.port, "HTTPS")).reason is Reason.TLS_NAME


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_an_old_version_of_tls_alone_is_a_protocol_error(place: Place, version: ssl.TLSVersion) -> None:
    with serving(answering(place.files("web.example"), version=version)) as server:
        sample = await place.probe(server.port, "HTTPS", header=WEB)
    assert (sample.reason, "protocol" in sample.detail) == (Reason.TLS_PROTOCOL, True), sample


async def test_tls_1_2_is_spoken(place: Place) -> None:
    with serving(answering(place.files("web.example"), version=ssl.TLSVersion.TLSv1_2)) as server:
        assert (await place.probe(server.port, "HTTPS", header=WEB)).healthy


async def test_a_server_that_does_not_know_the_name_says_so(place: Place) -> None:
    context = recognizing(context_of(place.files("web.example")), "web.example")
    with serving(encrypted(context, answers(OK))) as server:
        assert (await place.probe(server.port, "HTTPS", header=WEB)).healthy
        unnamed = await place.probe(server.port, "HTTPS", allow_insecure=True)
        other = await place.probe(server.port, "HTTPS", header=(("Host", "other.example"),))
    assert [unnamed.reason, other.reason] == [Reason.TLS_UNRECOGNIZED_NAME] * 2
    assert "no server name was sent" in unnamed.detail
    assert "no server name" not in other.detail


async def test_a_server_that_demands_a_client_certificate_gets_none(place: Place) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = context_of(place.files("web.example"), version=version)
        context.verify_mode = ssl.CERT_REQUIRED
        with serving(encrypted(context, answers(OK))) as server:
            sample = await place.probe(server.port, "HTTPS", header=WEB)
        assert sample.reason is Reason.TLS_PROTOCOL, sample


@pytest.mark.parametrize(
    "case",
    [
        case(
            "plain HTTP on the TLS port",
            Reason.TLS_PROTOCOL,
            after_reading(speaks_first(b"HTTP/1.1 400 B\r\n\r\n")),
            "",
        ),
        case("an end", Reason.TLS_PROTOCOL, after_reading(leave), "eof"),
        case("a reset", Reason.RESET, after_reading(reset), "reset"),
        case("silence", Reason.HTTP_TIMEOUT, wait_for_end, "no end of the TLS handshake", SHORT),
        case(
            "a record without end", Reason.HTTP_TIMEOUT, speaks_first(b"\x16\x03\x03\x40\x00\x02"), "handshake", SHORT
        ),
        case("garbage", Reason.TLS_PROTOCOL, speaks_first(b"\xff" * 99), ""),
    ],
)
async def test_no_tls_where_it_is_expected(place: Place, case: Case) -> None:
    with serving(case.behave) as server:
        sample = await place.probe(server.port, "HTTPS", header=WEB, timeout=case.timeout)
    assert sample.reason is case.reason, sample
    assert case.detail in sample.detail
    assert sample.waterfall.tls is not None
    assert sample.waterfall.first_byte is None


async def test_http_over_tls_breaks_and_stalls_like_plain_http(place: Place) -> None:
    context = context_of(place.files("web.example"))
    for behave, reason, timeout in (
        (encrypted(context, answers(HEAD, leave), broken_off=True), Reason.RESET, 3),
        (encrypted(context, wait_for_end), Reason.HTTP_TIMEOUT, SHORT),
        (encrypted(context, floods(HEAD, b"X: y\r\n" * 999)), Reason.HTTP_INVALID, 3),
        (encrypted(context, answers(HEAD + b"Content-Length: 9\r\n\r\n123", leave)), Reason.HTTP_INVALID, 3),
    ):
        with serving(behave) as server:
            sample = await place.probe(server.port, "HTTPS", header=WEB, timeout=timeout)
        assert sample.reason is reason, sample

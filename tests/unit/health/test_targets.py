"""Where requests and redirects go, and what is sent there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.check import Check, CheckType, HttpConfig, Method
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.health.reasons import ProbeFailed
from shield_proxy.health.targets import Target, first_target, redirected, request_of
from shield_proxy.wire.http.parse import HeadLimits, parse_request

ID = "0123456789abcdef0123456789abcdef"


def check(address: str = "origin.example", kind: str = "HTTP", port: int | None = None, **header: str) -> Check:
    return Check(ID, "shop", address, CheckType(kind), http=HttpConfig(port=port, header=tuple(header.items())))


def first(address: str = "origin.example", kind: str = "HTTP", port: int | None = None, **header: str) -> Target:
    return first_target(check(address, kind, port, **header))


@pytest.mark.parametrize(
    ("target", "authority", "server_name", "expected_name"),
    [
        (first(), "origin.example", None, "origin.example"),
        (first(port=8080), "origin.example:8080", None, "origin.example"),
        (first(kind="HTTPS", port=443), "origin.example", None, "origin.example"),
        (first("2001:db8::1", "HTTPS"), "[2001:db8::1]", None, "2001:db8::1"),
        (first("192.0.2.1", "HTTPS", Host="www.example"), "www.example", "www.example", "www.example"),
        (first("192.0.2.1", "HTTPS", host="www.example:8443"), "www.example:8443", "www.example", "www.example"),
        (first("origin.example", "HTTPS", Host="192.0.2.1"), "192.0.2.1", None, "192.0.2.1"),
    ],
)
def test_the_host_field_is_the_server_name_and_without_one_none_is_sent(
    target: Target, authority: str, server_name: str | None, expected_name: str
) -> None:
    assert (target.authority, target.server_name, target.expected_name) == (authority, server_name, expected_name)


def test_a_request_is_one_that_our_own_strict_parser_takes() -> None:
    probed = check(Host="www.example", X_Key="a")
    head = parse_request(request_of(probed, first_target(probed)), HeadLimits())
    assert (head.method, head.target, head.authority, head.keep_alive) == (b"GET", b"/", b"www.example", False)
    assert head.index[b"user-agent"] == probed.user_agent.encode()
    assert (head.index[b"x_key"], head.index[b"accept-encoding"]) == (b"a", b"identity")


def test_the_checks_own_fields_come_instead_of_ours() -> None:
    header = (("Accept-Encoding", "gzip"), ("accept", "text/html"), ("X", "1"), ("X", "2"))
    probed = Check(ID, "shop", "a.example", http=HttpConfig(Method.HEAD, header=header))
    head = parse_request(request_of(probed, first_target(probed)), HeadLimits())
    assert head.method == b"HEAD"
    assert [head.index[name] for name in (b"accept-encoding", b"accept", b"x")] == [b"gzip", b"text/html", b"1, 2"]


@pytest.mark.parametrize(
    ("location", "host", "port", "path"),
    [
        (b"/login", "192.0.2.1", 8080, "/login"),
        (b"login?x=1#part", "192.0.2.1", 8080, "/login?x=1"),
        (b"?x", "192.0.2.1", 8080, "/?x"),
        (b"", "192.0.2.1", 8080, "/"),
        (b"http://WWW.example/login", "192.0.2.1", 8080, "/login"),
        (b"http://www.example:81/", "192.0.2.1", 81, "/"),
        (b"https://www.example/", "192.0.2.1", 443, "/"),
        (b"https://www.example", "192.0.2.1", 443, "/"),
        (b"//other.example/x", "other.example", 80, "/x"),
        (b"https://other.example:8443/x", "other.example", 8443, "/x"),
        (b"http://[2001:db8::1]/", "2001:db8::1", 80, "/"),
        (b"http://user:word@other.example/", "other.example", 80, "/"),
        ("/ü ö".encode(), "192.0.2.1", 8080, "/%C3%BC%20%C3%B6"),
        (b"/\xff%41", "192.0.2.1", 8080, "/%FF%41"),
    ],
)
def test_a_redirect_leads_to(location: bytes, host: str, port: int, path: str) -> None:
    there = redirected(first("192.0.2.1", port=8080, Host="www.example"), location)
    assert (there.host, there.port, there.path) == (host, port, path)


@pytest.mark.parametrize(
    "location",
    [
        b"ftp://a.example/",
        b"javascript:alert(1)",
        b"https://",
        b"http://[::1/",
        b"http://a.example:99999/",
        b"http://a_b..c/",
        b"http://127.1/",
        b"http://a.example:0/",
        b"/" + b"x" * 9000,
    ],
)
def test_a_location_that_is_no_url_is_an_invalid_response(location: bytes) -> None:
    with pytest.raises(ProbeFailed) as failed:
        redirected(first(), location)
    assert failed.value.reason is Reason.HTTP_INVALID


@pytest.mark.parametrize(
    ("kind", "location", "kept"),
    [
        ("HTTP", b"/a", True),
        ("HTTP", b"https://www.example/a", True),
        ("HTTPS", b"/a", True),
        ("HTTPS", b"http://www.example/a", False),
        ("HTTPS", b"https://other.example/a", False),
        ("HTTPS", b"https://origin.example/a", False),
    ],
)
def test_the_checks_fields_go_neither_elsewhere_nor_into_the_open(kind: str, location: bytes, kept: bool) -> None:
    there = redirected(first("origin.example", kind, Host="www.example", Authorization="secret"), location)
    assert there.fields == ((("Authorization", "secret"),) if kept else ())


@pytest.mark.parametrize("host", [None, "www.example"])
def test_a_redirect_to_the_same_host_sends_the_same_server_name_or_none(host: str | None) -> None:
    here = first("origin.example", "HTTPS", **({"Host": host} if host else {}))
    for location in (b"/a", b"https://" + here.authority.encode() + b":8443/"):
        assert redirected(here, location).server_name == host


def test_a_redirect_elsewhere_is_asked_for_by_its_own_name() -> None:
    there = redirected(first("192.0.2.1", "HTTPS", Host="www.example"), b"https://other.example/")
    assert (there.server_name, there.authority, there.expected_name) == ("other.example",) * 3
    address = redirected(there, b"https://192.0.2.9:444/")
    assert (address.server_name, address.authority, address.expected_name) == (None, "192.0.2.9:444", "192.0.2.9")


@given(st.binary(max_size=60) | st.text(alphabet="/:@[]?#%.a1\\ é", max_size=30).map(str.encode))
def test_any_location_leads_to_a_request_that_can_be_sent_or_is_invalid(location: bytes) -> None:
    try:
        there = redirected(first(), location)
    except ProbeFailed:
        return
    head = parse_request(request_of(check(), there), HeadLimits())
    assert head.target.decode() == there.path
    assert 1 <= there.port <= 65535

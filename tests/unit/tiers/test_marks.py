"""What only clients and what only hops may say, and what we write ourselves."""

import pytest

from shield_proxy.cache.key import cache_key
from shield_proxy.config.contract import PRIVATE_HEADERS
from shield_proxy.tiers.messages.errors import refused_by_pod
from shield_proxy.tiers.messages.inbound import Clients, from_client, from_pod
from shield_proxy.tiers.messages.marks import end_to_end, hop_fields, marked_lines, outgoing_lines, place_of
from shield_proxy.wire.http.lines import read_fields
from shield_proxy.wire.http.message import RequestHead
from shield_proxy.wire.http.parse import HeadLimits, parse_request, parse_response
from shield_proxy.wire.http.serialise import field_lines
from shield_proxy.wire.serving.arrival import Arrival

PLACE = place_of("lower", "eu/a b")


def request(*lines: str) -> RequestHead:
    raw = "\r\n".join(["GET /a HTTP/1.1", "Host: Shop.example:80", *lines]) + "\r\n\r\n"
    return parse_request(raw.encode(), HeadLimits())


def names(fields: tuple[tuple[bytes, bytes], ...]) -> set[bytes]:
    return {name.lower() for name, _ in fields}


def test_a_client_has_no_say_in_what_hops_tell_each_other() -> None:
    head = request(*(f"{name.upper()}: 1" for name in PRIVATE_HEADERS), "X: y")
    inbound = from_client(head, Arrival("192.0.2.1"), 100, 60)
    assert names(inbound.fields) == {b"x", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
    assert (inbound.forwarded, inbound.from_hop, inbound.scheme, inbound.deadline) == (False, False, b"http", 160)


@pytest.mark.parametrize("trusted", [False, True])
def test_what_a_cgi_origin_would_take_for_a_field_of_ours_does_not_cross(trusted: bool) -> None:
    head = request("X_Forwarded_For: a", "transfer_Encoding: chunked", "Content_Length: 5", "cdn_loop: b", "A_B: c")
    inbound = from_client(head, Arrival("192.0.2.1", trusted=trusted), 100, 60)
    assert names(inbound.fields) == {b"a_b", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}


SAID = (
    "X-Forwarded-For: a",
    "X-Forwarded-For: b",
    "X-Forwarded-Proto: HTTPS",
    "X-Forwarded-Host: Other.example",
    "X-Forwarded-Port: 444",
    "X-Real-IP: a",
    "Forwarded: for=a",
)


def test_what_a_client_says_of_itself_is_removed_and_written_anew() -> None:
    inbound = from_client(request(*SAID), Arrival("c"), 0, 1)
    assert inbound.scheme == b"http"
    assert dict(inbound.fields) == {
        b"X-Forwarded-For": b"c",
        b"X-Forwarded-Proto": b"http",
        b"X-Forwarded-Host": b"shop.example:80",
    }


def test_a_trusted_proxy_is_believed_and_the_chain_goes_on_with_its_address() -> None:
    inbound = from_client(request(*SAID), Arrival("c", trusted=True), 0, 1)
    assert inbound.scheme == b"https"
    assert dict(inbound.fields) == {
        b"X-Forwarded-Port": b"444",
        b"X-Real-IP": b"a",
        b"Forwarded": b"for=a",
        b"X-Forwarded-For": b"a, b, c",
        b"X-Forwarded-Proto": b"https",
        b"X-Forwarded-Host": b"other.example",
    }


def test_what_a_trusted_proxy_says_twice_or_unintelligibly_is_not_believed() -> None:
    twice = [line for line in SAID[2:] for _ in range(2)]
    odd = ["X-Forwarded-Proto: https, http", "X-Forwarded-Host: a b"]
    for lines in (twice, odd):
        inbound = from_client(request(*lines), Arrival("c", trusted=True), 0, 1)
        assert inbound.scheme == b"http"
        assert dict(inbound.fields) == {
            b"X-Forwarded-For": b"c",
            b"X-Forwarded-Proto": b"http",
            b"X-Forwarded-Host": b"shop.example:80",
        }


def test_the_scheme_is_that_of_the_connection_where_nobody_trusted_says_otherwise() -> None:
    secured = Arrival("c", scheme=b"https", server_name="shop.example")
    assert from_client(request("X-Forwarded-Proto: http"), secured, 0, 1).scheme == b"https"


def test_a_host_that_a_trusted_proxy_tells_is_part_of_the_key() -> None:
    keys = {
        cache_key("zone", b"http", b"shop.example:80", b"/", from_client(request(*lines), arrival, 0, 1).index)
        for arrival in (Arrival("c"), Arrival("c", trusted=True))
        for lines in ((), ("X-Forwarded-Host: shop.example:80",), ("X-Forwarded-Host: other.example",))
    }
    assert len(keys) == 2


def test_a_hop_is_obeyed_and_its_words_go_no_further() -> None:
    lines = ("Shield-Scheme: https", "Shield-Budget: 5000", "Shield-Forwarded: 1", "X-Forwarded-For: a")
    inbound = from_pod(request(*lines), 100, 60, same_tier=False)
    assert (inbound.scheme, inbound.deadline, inbound.forwarded, inbound.from_hop) == (b"https", 105, True, True)
    assert names(inbound.fields) == {b"x-forwarded-for"}


def test_a_pod_of_the_same_tier_is_never_forwarded_again() -> None:
    assert from_pod(request(), 0, 60, same_tier=True).forwarded
    assert not from_pod(request(), 0, 60, same_tier=False).forwarded


def test_via_and_cdn_loop_grow() -> None:
    inbound = from_client(request("Via: 1.0 old", "CDN-Loop: other"), Arrival("c"), 0, 1)
    lines = outgoing_lines(inbound, field_lines(inbound.fields), PLACE, "uid", b"host")
    fields = dict(read_fields(lines + b"\r\n")[0])
    assert fields[b"Host"] == b"host"
    assert fields[b"Via"] == b"1.0 old, 1.1 smart-shield-lower"
    assert fields[b"CDN-Loop"].startswith(b"other, smartshield; zone=")


def test_hops_are_told_scheme_budget_generation_and_forwarding() -> None:
    inbound = from_client(request(), Arrival("c"), 0, 10)
    told = dict(hop_fields(inbound, 0, 7, forward=True))
    assert told == {
        b"Shield-Scheme": b"http",
        b"Shield-Budget": b"9500",
        b"Shield-Generation": b"7",
        b"Shield-Forwarded": b"1",
    }
    assert b"Shield-Forwarded" not in dict(hop_fields(inbound, 0, 7, forward=False))


def test_a_response_shows_each_hop_once_and_no_transfer_fields() -> None:
    raw = b"HTTP/1.1 200 OK\r\nAge: 5\r\nCache-Status: up; hit\r\nShield-Cache-Status: HIT\r\nX: y\r\n\r\n"
    head = parse_response(raw, b"GET", HeadLimits())
    assert end_to_end(head) == ((b"X", b"y"),)
    lines = marked_lines(200, b"OK", end_to_end(head), PLACE, "MISS", b"fwd=uri-miss", before=b"up; hit", age=5.9)
    assert lines.decode().split("\r\n")[1:-1] == [
        "X: y",
        "Via: 1.1 smart-shield-lower",
        "Cache-Status: up; hit, lower/eu/a_b; fwd=uri-miss",
        "Shield-Cache-Status: MISS",
        "Age: 5",
    ]


def test_only_a_pods_own_refusal_sends_a_request_elsewhere() -> None:
    assert refused_by_pod(404, b"a; hit, up; detail=unknown-host")
    assert not refused_by_pod(404, b"up; fwd=uri-miss")
    assert not refused_by_pod(503, b"up; detail=origin-refused")
    assert not refused_by_pod(503, None)
    assert not refused_by_pod(200, b"up; detail=not-ready")


def test_a_block_that_clients_repeat_means_the_same_each_time() -> None:
    clients = Clients()
    for peer in ("a", "a", "b", "a"):
        for lines in (("X: y", "Via: 1.0 old"), ("X: z",), ("X: y", "Via: 1.0 old")):
            arrival, head = Arrival(peer), request(*lines)
            made = clients.inbound(head, arrival, 5, 7, b"id")
            assert (made.head, made.deadline, made.request_id) == (head, 12, b"id")
            assert made == from_client(head, arrival, 5, 7, request_id=b"id")

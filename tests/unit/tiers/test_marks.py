"""What only clients and what only hops may say, and what we write ourselves."""

from shield_proxy.config.contract import PRIVATE_HEADERS
from shield_proxy.tiers.errors import refused_by_pod
from shield_proxy.tiers.inbound import from_client, from_pod
from shield_proxy.tiers.marks import end_to_end, hop_fields, marked_lines, outgoing_fields, place_of
from shield_proxy.wire.message import RequestHead
from shield_proxy.wire.parse import HeadLimits, parse_request, parse_response

PLACE = place_of("lower", "eu/a b")


def request(*lines: str) -> RequestHead:
    raw = "\r\n".join(["GET /a HTTP/1.1", "Host: Shop.example:80", *lines]) + "\r\n\r\n"
    return parse_request(raw.encode(), HeadLimits())


def names(fields: tuple[tuple[bytes, bytes], ...]) -> set[bytes]:
    return {name.lower() for name, _ in fields}


def test_a_client_has_no_say_in_what_hops_tell_each_other() -> None:
    head = request(*(f"{name.upper()}: 1" for name in PRIVATE_HEADERS), "X: y")
    inbound = from_client(head, "192.0.2.1", 100, 60)
    assert names(inbound.fields) == {b"x", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
    assert (inbound.forwarded, inbound.from_hop, inbound.scheme, inbound.deadline) == (False, False, b"http", 160)


def test_forwarding_fields_are_set_and_the_chain_is_appended_to() -> None:
    inbound = from_client(request("X-Forwarded-For: a", "X-Forwarded-For: b", "X-Forwarded-Proto: https"), "c", 0, 1)
    assert inbound.index[b"x-forwarded-for"] == b"a, b, c"
    assert inbound.index[b"x-forwarded-proto"] == b"http"
    assert inbound.index[b"x-forwarded-host"] == b"shop.example:80"


def test_a_hop_is_obeyed_and_its_words_go_no_further() -> None:
    lines = ("Shield-Scheme: https", "Shield-Budget: 5000", "Shield-Forwarded: 1", "X-Forwarded-For: a")
    inbound = from_pod(request(*lines), 100, 60, same_tier=False)
    assert (inbound.scheme, inbound.deadline, inbound.forwarded, inbound.from_hop) == (b"https", 105, True, True)
    assert names(inbound.fields) == {b"x-forwarded-for"}


def test_a_pod_of_the_same_tier_is_never_forwarded_again() -> None:
    assert from_pod(request(), 0, 60, same_tier=True).forwarded
    assert not from_pod(request(), 0, 60, same_tier=False).forwarded


def test_via_and_cdn_loop_grow() -> None:
    inbound = from_client(request("Via: 1.0 old", "CDN-Loop: other"), "c", 0, 1)
    fields = dict(outgoing_fields(inbound, inbound.fields, PLACE, "uid", b"host"))
    assert fields[b"Host"] == b"host"
    assert fields[b"Via"] == b"1.0 old, 1.1 smart-shield-lower"
    assert fields[b"CDN-Loop"].startswith(b"other, smartshield; zone=")


def test_hops_are_told_scheme_budget_generation_and_forwarding() -> None:
    inbound = from_client(request(), "c", 0, 10)
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

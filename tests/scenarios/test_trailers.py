"""Trailers through two tiers: fields behind a chunked body, both ways (RFC 9110, 6.5)."""

import pytest
from world.fleet import Fleet, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier

POST = b"POST /a HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n"
NEVER = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil.example\r\nSet-Cookie: a=b\r\nAuthorization: x\r\n"
    b"Cache-Control: public\r\nShield-Scheme: https\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Type: text/evil\r\n"
)
NO_STORE = ("Cache-Control", "no-store")


async def two_tiers(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(origin.port))


@pytest.mark.parametrize("announced", [True, False])
async def test_trailers_of_a_response_reach_the_client(fleet: Fleet, origin: Origin, announced: bool) -> None:
    await two_tiers(fleet, origin)
    fields = [NO_STORE, ("Trailer", "Checksum, Content-Length")] if announced else [NO_STORE]
    origin.script = lambda _: Say(fields=fields, chunks=[b"one", b"two"], trailers=b"Checksum: abc\r\nX-Took: 5\r\n")
    client = await fleet.client("low")
    for _ in range(2):
        response = await client.ask("/a", ("TE", "trailers, deflate"), ("Connection", "TE"), method="DELETE")
        assert (response.body, response.trailers) == (b"onetwo", ["Checksum: abc", "X-Took: 5"])
        assert response.values("trailer") == (["checksum"] if announced else [])
    assert [(seen["te"], seen["connection"]) for seen in origin.seen] == [("trailers", "TE")] * 2
    assert (await client.ask("/a")).trailers == ["Checksum: abc", "X-Took: 5"]  # a GET, and nothing said of TE


async def test_trailers_of_a_request_reach_the_origin(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    client = await fleet.client("low")
    client.send(POST + b"Trailer: Checksum\r\n\r\n3\r\nabc\r\n0\r\nChecksum: abc\r\nX-Took: 5\r\n\r\n")
    assert (await client.read()).status == 200
    (seen,) = origin.seen
    assert (seen.body, seen.trailers) == (b"abc", ["Checksum: abc", "X-Took: 5"])
    assert seen["trailer"] == "checksum"
    assert seen.values("te") == []


async def test_what_must_not_be_a_trailer_never_crosses(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(fields=[NO_STORE], chunks=[b"x"], trailers=NEVER + b"X-Kept: 1\r\n")
    client = await fleet.client("low")
    client.send(POST + b"\r\n1\r\nx\r\n0\r\n" + NEVER + b"X-Kept: 1\r\n\r\n")
    assert (await client.read()).trailers == ["X-Kept: 1"]
    assert origin.seen[0].trailers == ["X-Kept: 1"]


async def test_http_1_0_and_head_get_none(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(fields=[NO_STORE, ("Trailer", "X-A")], chunks=[b"x"], trailers=b"X-A: 1\r\n")
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.0\r\nHost: shop.example\r\n\r\n")
    response = await client.read()
    assert (response.body, response.values("trailer")) == (b"x", [])
    assert (await fleet.get("low", "/a", method="HEAD")).trailers == []


async def test_trailers_are_no_part_of_what_is_stored(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    fields = [("Cache-Control", "max-age=60"), ("Trailer", "X-A")]
    origin.script = lambda _: Say(fields=fields, chunks=[b"x", b"y"], trailers=b"X-A: 1\r\n")
    for word in ("MISS", "HIT"):
        response = await fleet.get("low", "/a")
        assert (response.word, response.body, response.trailers) == (word, b"xy", [])
        assert response.values("trailer") == []


@pytest.mark.parametrize(
    "trailers",
    [b"X-A: " + b"a" * (70 << 10) + b"\r\n", b"X-A: a\r\n" * 101, b"X-A : a\r\n"],
    ids=["long", "many", "bad"],
)
async def test_a_response_with_bad_trailers_is_cut_short(fleet: Fleet, origin: Origin, trailers: bytes) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(fields=[("Cache-Control", "max-age=60")], chunks=[b"x", b"y"], trailers=trailers)
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    raw = await client.reader.read()
    assert not raw.endswith(b"0\r\n\r\n")
    assert b"HIT" not in raw
    origin.script = lambda _: Say(body=b"good")
    assert (await fleet.get("low", "/a")).body == b"good"

"""Misses that find an open connection to their origin, whatever comes back on it."""

import asyncio

import pytest
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier

CACHED = [("Cache-Control", "max-age=60")]


async def primed(fleet: Fleet, origin: Origin) -> None:
    """A tier with an idle connection to its origin."""
    await fleet.add("up", Tier.UPPER, "eu/a")
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(fields=CACHED, body=b"first")
    assert (await fleet.get("up", "/first")).body == b"first"
    await until(lambda: fleet.pods["up"]._pool.idle == 1)


@pytest.mark.parametrize(
    ("say", "status", "word", "again"),
    [
        (Say(fields=CACHED, body=b"whole"), 200, "MISS", "HIT"),
        (Say(fields=CACHED, body=b""), 200, "MISS", "HIT"),
        (Say(fields=CACHED, chunks=[b"who", b"le"]), 200, "MISS", "HIT"),
        (Say(fields=CACHED, chunks=[b"whole"], until_close=True), 200, "MISS", "HIT"),
        (Say(fields=[("Cache-Control", "private")], body=b"whole"), 200, "BYPASS", "BYPASS"),
        (Say(status=404, fields=CACHED, body=b"whole"), 404, "MISS", "HIT"),
        (Say(status=503, body=b"whole"), 503, "MISS", "MISS"),
        (Say(status=304), 304, "MISS", "MISS"),
        (Say(raw=b"HTTP/1.1 nonsense\r\n\r\n"), 520, "NONE", "NONE"),
    ],
)
async def test_answers_are_those_of_a_new_connection(
    fleet: Fleet, origin: Origin, say: Say, status: int, word: str, again: str
) -> None:
    await primed(fleet, origin)
    origin.script = lambda _: say
    told = await fleet.get("up", "/a")
    assert (told.status, told.word) == (status, word)
    if status not in (304, 520):
        assert told.body in (b"whole", b"")
    assert (await fleet.get("up", "/a")).word == again


async def test_one_fetch_serves_all_who_come_while_its_body_does(fleet: Fleet, origin: Origin) -> None:
    await primed(fleet, origin)
    gate = asyncio.Event()
    origin.script = lambda _: Say(fields=CACHED, chunks=[b"a", b"b"], gate=gate)
    clients = [await fleet.client("up") for _ in range(5)]
    for client in clients:
        client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        await client.read_head()
        assert await client.reader.readexactly(6) == b"1\r\na\r\n"
    gate.set()
    for client in clients:
        assert await client.reader.readexactly(11) == b"1\r\nb\r\n0\r\n\r\n"
    assert [seen.target for seen in origin.seen] == ["/first", "/a"]


async def test_a_connection_that_was_closed_meanwhile_costs_no_request(fleet: Fleet, origin: Origin) -> None:
    await primed(fleet, origin)
    origin.script = lambda seen: (
        Say(raw=b"", close=True) if seen.connection == 1 else Say(fields=CACHED, body=b"second")
    )
    assert (await fleet.get("up", "/a")).body == b"second"


async def test_a_client_that_left_keeps_nobody_from_the_response(fleet: Fleet, origin: Origin) -> None:
    await primed(fleet, origin)
    gate = asyncio.Event()
    origin.script = lambda _: Say(fields=CACHED, delay=0.1, body=b"kept")
    client = await fleet.client("up")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await until(lambda: len(origin.seen) == 2)
    client.writer.transport.abort()
    gate.set()
    assert (await fleet.get("up", "/a")).body == b"kept"
    assert len(origin.seen) == 2
    assert fleet.pods["up"]._core.running == 0


async def test_requests_behind_an_awaited_one_are_answered_in_order(fleet: Fleet, origin: Origin) -> None:
    await primed(fleet, origin)
    origin.script = lambda seen: Say(fields=CACHED, body=seen.target.encode())
    client = await fleet.client("up")
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: shop.example\r\n\r\n" % i for i in range(5)))
    assert [(await client.read()).body for _ in range(5)] == [b"/%d" % i for i in range(5)]


async def test_what_is_stale_is_revalidated_and_served_while_the_origin_fails(fleet: Fleet, origin: Origin) -> None:
    await primed(fleet, origin)
    fields = [("Cache-Control", "max-age=0, stale-if-error=60"), ("ETag", '"v1"')]
    origin.script = lambda _: Say(fields=fields, body=b"old")
    assert (await fleet.get("up", "/a")).word == "MISS"
    origin.script = lambda seen: Say(status=304 if seen["if-none-match"] == '"v1"' else 500, fields=fields)
    assert (await fleet.get("up", "/a")).word == "REVALIDATED"
    origin.script = lambda _: Say(status=500)
    assert ((await fleet.get("up", "/a")).word, (await fleet.get("up", "/a")).body) == ("STALE", b"old")
    origin.script = lambda _: Say(status=304, fields=[("ETag", '"other"')])
    assert (await fleet.get("up", "/a")).status == 304
    assert "if-none-match" not in dict(origin.seen[-1].fields)

"""Bodies through two tiers: as they come, of any size, in bounded memory."""

import asyncio
import hashlib
import tracemalloc

import pytest
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say, Seen

from shield_proxy.config.contract import Tier

CACHED = [("Cache-Control", "max-age=60")]
MEGABYTE = bytes(range(256)) * 4096


async def two_tiers(fleet: Fleet, origin: Origin, **changes: object) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a", **changes)
    await fleet.add("up", Tier.UPPER, "us/b", **changes)
    fleet.use(zone(origin.port))


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_upload_reaches_the_origin_byte_for_byte(fleet: Fleet, origin: Origin, chunked: bool) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda seen: Say(body=hashlib.sha256(seen.body).hexdigest().encode())
    client = await fleet.client("low")
    body = MEGABYTE * 5
    if chunked:
        client.send(b"PUT /a HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 100_000):
            piece = body[start : start + 100_000]
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        client.send(b"0\r\n\r\n")
        response = await client.read()
    else:
        response = await client.ask("/a", method="PUT", body=body)
    assert response.body.decode() == hashlib.sha256(body).hexdigest()
    (seen,) = origin.seen
    assert bool(seen.values("transfer-encoding")) is chunked
    assert (await client.ask("/b")).status == 200


async def test_expect_100_continue_is_the_origins_to_grant(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    client = await fleet.client("low")
    client.send(b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert (await client.read()).status == 200
    assert origin.seen[0].body == b"abc"


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_early_hints_pass_through_the_tiers(fleet: Fleet, origin: Origin, method: str) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(interim=HINTS, body=b"done")
    client = await fleet.client("low")
    for target in ("/a", "/b"):  # the second time on connections that are open
        response = await client.ask(target, method=method)
        assert (response.interim, response.body) == ([HINTS], b"" if method == "HEAD" else b"done")


async def test_early_hints_are_for_those_whose_request_was_sent(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(interim=HINTS, body=b"done", fields=CACHED)
    first, second = await fleet.get("low", "/a"), await fleet.get("low", "/a")
    assert (first.interim, second.interim, second.body) == ([HINTS], [], b"done")
    old = await fleet.client("low")
    old.send(b"GET /old HTTP/1.0\r\nHost: shop.example\r\n\r\n")
    assert (await old.read()).interim == []


@pytest.mark.parametrize("fields", [CACHED, [("Cache-Control", "no-store")]], ids=["too large to keep", "not kept"])
async def test_a_download_larger_than_memory_streams_in_bounded_memory(
    fleet: Fleet, origin: Origin, fields: list[tuple[str, str]]
) -> None:
    await two_tiers(fleet, origin)
    chunks = [MEGABYTE] * 40
    origin.script = lambda _: Say(fields=fields, chunks=chunks)
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    client.reader._limit = 1 << 18  # type: ignore[attr-defined]
    tracemalloc.start()
    size = 0
    while len(piece := await client.reader.read(1 << 16)):
        size += len(piece)
        if piece.endswith(b"\r\n0\r\n\r\n"):
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 40 * len(MEGABYTE)
    assert peak < 24 << 20  # of both pods, the origin and the client: what one pod may keep is 4 MiB
    assert fleet.pods["low"]._core.memory.bytes < 1 << 20
    assert fleet.pods["low"]._core.filling == 0


async def test_an_upload_is_not_read_faster_than_the_origin_takes_it(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.reads_bodies = False

    async def wait(_: Seen) -> Say:
        await asyncio.Event().wait()
        raise AssertionError

    origin.script = wait
    client = await fleet.client("low")
    client.send(b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 99999999\r\n\r\n")
    sent = 0
    try:
        async with asyncio.timeout(1.0):
            while True:
                client.send(MEGABYTE)
                await client.writer.drain()
                sent += len(MEGABYTE)
    except TimeoutError:
        pass
    assert sent < 40 << 20


async def test_an_answer_before_the_upload_ends_is_passed_on(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)

    origin.reads_bodies = False
    origin.script = lambda _: Say(status=403, body=b"no", close=True)
    client = await fleet.client("low")
    client.send(b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
    response = await client.read()
    assert (response.status, response.body, response["connection"]) == (403, b"no", "close")


async def test_a_client_that_leaves_ends_what_is_not_shared(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    gate = asyncio.Event()
    origin.script = lambda _: Say(chunks=[b"x" * 1000] + [MEGABYTE] * 20, gate=gate)
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    client.writer.transport.abort()
    gate.set()
    await until(lambda: not fleet.pods["low"]._core.busy and not fleet.pods["up"]._core.busy)
    await until(lambda: not origin.writers)


async def test_a_client_that_leaves_amid_its_upload_is_no_answer(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    client = await fleet.client("low")
    client.send(b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100\r\n\r\nabc")
    await until(lambda: bool(origin.writers))
    client.writer.transport.abort()
    await until(lambda: not fleet.pods["low"]._core.busy and not fleet.pods["up"]._core.busy)
    await until(lambda: not origin.writers)
    assert [seen.body for seen in origin.seen] == [b""]


async def test_an_answer_that_ends_with_the_connection_gets_a_proper_end(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(fields=CACHED, body=b"until close", until_close=True)
    first = await fleet.get("low", "/a")
    assert (first.word, first.body) == ("MISS", b"until close")
    again = await fleet.get("low", "/a")
    assert (again.word, again.body, again["content-length"]) == ("HIT", b"until close", "11")


async def test_hop_by_hop_fields_of_a_tier_do_not_reach_the_next(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda seen: Say(body=b"x")
    await fleet.get("low", "/a")
    seen: Seen = origin.seen[0]
    assert not [name for name, _ in seen.fields if name.lower().startswith("shield-")]
    assert seen["via"].count("smart-shield") == 2
    assert seen["cdn-loop"].count("smartshield; zone=") == 2
    assert seen["x-forwarded-for"] == "127.0.0.1"

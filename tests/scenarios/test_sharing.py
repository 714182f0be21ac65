"""What is stored for one is not given to another whom it was not meant for; who is slow gets all of it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say, Seen

from shield_proxy.config.contract import Tier
from shield_proxy.wire.serving.limits import ServerLimits

CACHED = [("Cache-Control", "max-age=60")]
MEGABYTE = bytes(range(256)) * 4096


@pytest_asyncio.fixture
async def other() -> AsyncIterator[Origin]:
    server = Origin()
    await server.start()
    yield server
    await server.stop()


async def alone(fleet: Fleet, origin: Origin, **changes: object) -> None:
    await fleet.add("up", Tier.UPPER, "eu/a", **changes)
    fleet.use(zone(origin.port))


@pytest.mark.parametrize(
    "field",
    [("Set-Cookie", "sid=alice"), ("Cache-Control", "private, max-age=60"), ("Vary", "Cookie")],
    ids=lambda field: field[0].lower(),
)
async def test_a_304_that_is_one_clients_alone_never_becomes_part_of_what_all_get(
    fleet: Fleet, origin: Origin, field: tuple[str, str]
) -> None:
    await alone(fleet, origin)

    def script(seen: Seen) -> Say:
        if seen.values("cookie"):
            own = [("ETag", '"1"'), *CACHED] if field[0] != "Cache-Control" else [("ETag", '"1"')]
            if seen.values("if-none-match"):
                return Say(304, fields=[*own, field])
            return Say(fields=[*own, field], body=b"of alice")
        return Say(fields=[("ETag", '"1"'), ("Cache-Control", "max-age=1")], body=b"of all")

    origin.script = script
    await fleet.get("up", "/a")
    fleet.clock.pass_time(5)
    assert (await fleet.get("up", "/a", ("Cookie", "sid=alice"))).body == b"of alice"
    response = await fleet.get("up", "/a")
    assert (response.body, response.values("set-cookie")) == (b"of all", [])


async def test_a_304_that_names_fewer_fields_in_vary_leaves_the_variants_apart(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)

    def script(seen: Seen) -> Say:
        if seen.values("if-none-match"):
            return Say(304, fields=[("ETag", '"1"'), ("Vary", "Origin"), *CACHED])
        fields = [("ETag", '"1"'), ("Vary", "Origin, X-Kind"), ("Cache-Control", "max-age=1")]
        return Say(fields=fields, body=seen["x-kind"].encode())

    origin.script = script
    await fleet.get("up", "/a", ("X-Kind", "a"))
    fleet.clock.pass_time(5)
    response = await fleet.get("up", "/a", ("X-Kind", "a"))
    assert (response.word, response["vary"]) == ("REVALIDATED", "Origin, X-Kind")
    assert (await fleet.get("up", "/a", ("X-Kind", "b"))).body == b"b"


async def test_a_host_that_changes_zones_during_a_fetch_gets_nothing_of_the_former_zone(
    fleet: Fleet, origin: Origin, other: Origin
) -> None:
    await alone(fleet, origin)
    gate = asyncio.Event()
    origin.script = lambda _: Say(fields=CACHED, chunks=[b"former", b" zone"], gate=gate)
    other.script = lambda _: Say(fields=CACHED, body=b"new zone")
    client = await fleet.client("up")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    fleet.use(zone(other.port, uid="uid-other", namespace="other"))
    gate.set()
    assert b"zone" in await client.reader.readuntil(b"0\r\n\r\n")
    assert (await fleet.get("up", "/a")).body == b"new zone"


async def test_host_and_target_are_not_run_together(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)
    origin.script = lambda _: Say(fields=CACHED)
    await fleet.get("up", "/a")
    assert (await fleet.get("up", "/a")).word == "HIT"
    assert (await fleet.get("up", "example/a", host="shop.")).status == 400


@pytest.mark.parametrize("name", ["X-Forwarded-Prefix", "X-Forwarded-Port", "X-Original-Host"])
async def test_a_field_that_origins_build_links_from_does_not_reach_other_clients_answers(
    fleet: Fleet, origin: Origin, name: str
) -> None:
    await alone(fleet, origin)
    origin.script = lambda seen: Say(301, fields=[*CACHED, ("Location", "/" + "".join(seen.values(name)))])
    await fleet.get("up", "/a", (name, "/evil.example"))
    for _ in range(2):
        assert (await fleet.get("up", "/a"))["location"] == "/"


async def test_a_post_invalidates_also_what_was_stored_for_its_own_origin(fleet: Fleet, origin: Origin) -> None:
    await alone(fleet, origin)
    origin.script = lambda _: Say(fields=CACHED)
    page = ("Origin", "https://page.example")
    await fleet.get("up", "/a", page)
    await fleet.get("up", "/a")
    await fleet.get("up", "/a", page, method="POST", body=b"x")
    assert [(await fleet.get("up", "/a", page)).word, (await fleet.get("up", "/a")).word] == ["MISS", "MISS"]


async def test_a_large_hit_reaches_a_client_that_takes_longer_than_a_stall_may_last(
    fleet: Fleet, origin: Origin
) -> None:
    size = 30 << 20
    await alone(fleet, origin, memory_bytes=256 << 20, server=ServerLimits(send=1))
    origin.script = lambda _: Say(fields=CACHED, body=MEGABYTE * 30)
    for word in ("MISS", "HIT"):
        assert (await fleet.get("up", "/a")).word == word
    loop = asyncio.get_running_loop()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        slow.setblocking(False)
        await loop.sock_connect(slow, fleet.pods["up"].client_addresses[0])
        await loop.sock_sendall(slow, b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        started, taken = loop.time(), 0
        while taken < size:
            piece = await loop.sock_recv(slow, 1 << 17)
            assert piece, f"cut after {taken} bytes"
            taken += len(piece)
            await until(lambda: loop.time() - started > 3 * taken / size)  # noqa: B023
    assert loop.time() - started > 2.5


async def test_a_private_response_stays_private_whatever_connection_names(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER)
    await fleet.add("up", Tier.UPPER)
    fleet.use(zone(origin.port))
    modified = ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
    origin.script = lambda _: Say(fields=[("Connection", "cache-control"), ("Cache-Control", "private"), modified])
    words = [(await fleet.get("low", "/a")).word for _ in range(2)]
    assert (words, len(origin.seen)) == (["BYPASS", "BYPASS"], 2)


@pytest.mark.parametrize("body", [b"x", None])
async def test_a_post_that_an_upper_pod_does_not_know_yet_is_not_told_that_nothing_is_there(
    fleet: Fleet, origin: Origin, body: bytes | None
) -> None:
    await fleet.add("low", Tier.LOWER)
    await fleet.add("up", Tier.UPPER)
    fleet.use()
    fleet.pods["low"].use(fleet.state(zone(origin.port)))
    response = await fleet.get("low", "/a", method="POST", body=body)
    assert (response.status, origin.seen) == (503, [])

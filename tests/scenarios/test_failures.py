"""What goes wrong on the way, and what the client sees of it."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from world.fleet import Fleet, until, zone
from world.origin import Origin, Say, Seen

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import DataCenter
from shield_proxy.config.state import Origin as Backend

CACHED = [("Cache-Control", "max-age=60")]


async def two_tiers(fleet: Fleet, origin: Origin, **changes: object) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a", **changes)
    await fleet.add("up", Tier.UPPER, "us/b", **changes)
    fleet.use(zone(origin.port))


@pytest.mark.parametrize("fields", [CACHED, []], ids=["shared", "alone"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_response_cut_short_cuts_the_client_and_is_not_stored(
    fleet: Fleet, origin: Origin, fields: list[tuple[str, str]], chunked: bool
) -> None:
    await two_tiers(fleet, origin)
    if chunked:
        origin.script = lambda _: Say(fields=fields, chunks=[b"a" * 1000, b"b"], cut=True)
    else:
        origin.script = lambda _: Say(fields=fields, body=b"a" * 1000, length=2000, cut=True)
    client = await fleet.client("low")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.ask("/a")
    origin.script = lambda _: Say(fields=CACHED, body=b"whole")
    again = await fleet.get("low", "/a")
    assert (again.word, again.body) == ("MISS", b"whole")


async def test_a_stale_keep_alive_connection_costs_no_request(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    assert (await fleet.get("low", "/a")).status == 200
    origin.hang_up()
    assert (await fleet.get("low", "/b")).status == 200


async def test_connections_to_the_origin_are_reused(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    for i in range(20):
        assert (await fleet.get("low", f"/{i}")).status == 200
    assert origin.connections == 1


async def test_a_request_that_may_have_had_effects_is_not_repeated(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(raw=b"", close=True)
    response = await fleet.get("low", "/a", method="POST", body=b"x")
    assert (response.status, response.word) == (520, "NONE")
    assert len(origin.seen) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nName : x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    ],
)
async def test_a_malformed_response_is_an_error_of_our_own(fleet: Fleet, origin: Origin, raw: bytes) -> None:
    await two_tiers(fleet, origin)
    origin.script = lambda _: Say(raw=raw, close=True)
    response = await fleet.get("low", "/a")
    assert (response.status, response.word) == (520, "NONE")
    assert b"origin-malformed" in response.body


async def test_bytes_after_a_response_end_the_connection(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    origin.script = lambda _: Say(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + smuggled)
    assert (await fleet.get("low", "/a")).body == b"ok"
    assert (await fleet.get("low", "/b")).body == b"ok"
    assert origin.connections == 2


async def test_a_silent_origin_is_a_timeout_told_by_the_upper(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    fleet.use(zone(origin.port, origins=(Backend("web", "127.0.0.1", origin.port, response_seconds=0.5),)))
    origin.script = lambda _: Say(delay=30)
    response = await fleet.get("low", "/a")
    assert (response.status, response.word) == (524, "NONE")
    assert b"origin-response-timeout" in response.body


async def test_an_origin_that_does_not_resolve_is_told(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER)
    fleet.use(zone(1, origins=(Backend("web", "no-such-host.invalid", 80),)))
    response = await fleet.get("low", "/a")
    assert response.status == 530
    assert b"origin-unresolved" in response.body


async def test_no_upper_in_reach_is_an_error_not_a_way_around(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    await fleet.pods["up"].close()
    response = await fleet.get("low", "/a")
    assert (response.status, response.word) == (503, "NONE")
    assert b"upper-tier-refused" in response.body
    assert origin.seen == []


async def test_the_next_data_centre_takes_over_from_one_that_is_gone(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up-1", Tier.UPPER, "us/b")
    await fleet.add("up-2", Tier.UPPER, "us/c")
    fleet.use(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
    first = await fleet.get("low", "/a")
    assert "upper/us/b" in first["cache-status"]
    await fleet.pods["up-1"].close()
    for i in range(5):
        response = await fleet.get("low", f"/{i}")
        assert response.status == 200
        assert "upper/us/c" in response["cache-status"]


async def test_who_failed_a_moment_ago_is_asked_again_when_the_others_fail(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up-1", Tier.UPPER, "us/b")
    await fleet.add("up-2", Tier.UPPER, "us/c")
    behind = fleet.pods["up-1"].hop_addresses[0]

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(*behind)
        await asyncio.gather(pipe(reader, here), pipe(there, writer))

    server = await asyncio.start_server(relay, "127.0.0.99", 0)
    address = server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()
    state = fleet.state(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
    places = [dc for dc in state.data_centers if dc.key != "us/b"]
    first = DataCenter("us", "b", {Tier.UPPER: f"{address[0]}:{address[1]}"})
    for pod in fleet.pods.values():
        pod.use(replace(state, data_centers=(first, *places)))
    assert "upper/us/c" in (await fleet.get("low", "/a"))["cache-status"]  # us/b refuses
    server = await asyncio.start_server(relay, *address)
    await fleet.pods["up-2"].close()
    response = await fleet.get("low", "/b")
    server.close()
    assert response.status == 200
    assert "upper/us/b" in response["cache-status"]


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
    writer.close()


async def test_an_upper_without_a_state_is_passed_over(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up-1", Tier.UPPER, "us/b")
    await fleet.add("up-2", Tier.UPPER, "us/c")
    state = fleet.state(zone(origin.port, uppers={"web": ("us/b", "us/c")}))
    fleet.pods["low"].use(state)
    fleet.pods["up-2"].use(state)
    response = await fleet.get("low", "/a")
    assert response.status == 200
    assert "upper/us/c" in response["cache-status"]


async def test_a_loop_through_the_origin_ends_at_once(fleet: Fleet, origin: Origin) -> None:
    low = await fleet.add("low", Tier.UPPER)
    address, port = low.client_addresses[0]
    fleet.use(zone(1, origins=(Backend("web", address, port),)))
    started = time.monotonic()
    response = await fleet.get("low", "/a")
    assert response.status == 508
    assert time.monotonic() - started < 5


async def test_requests_before_a_state_are_told_to_come_back(fleet: Fleet) -> None:
    await fleet.add("low", Tier.UPPER)
    response = await fleet.get("low", "/a")
    assert (response.status, response.word, response["retry-after"]) == (503, "NONE", "1")


async def test_more_requests_than_may_wait_are_told_to_come_back(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER, running=2)
    fleet.use(zone(origin.port))
    gate = asyncio.Event()

    async def wait(_: Seen) -> Say:
        await gate.wait()
        return Say(body=b"late")

    origin.script = wait
    waiting = [asyncio.create_task(fleet.get("low", f"/{i}")) for i in range(2)]
    await until(lambda: len(origin.seen) == 2)
    refused = await fleet.get("low", "/3")
    assert (refused.status, refused["retry-after"]) == (503, "1")
    gate.set()
    assert [(await task).body for task in waiting] == [b"late", b"late"]


async def test_a_client_that_left_does_not_stop_a_fill(fleet: Fleet, origin: Origin) -> None:
    await two_tiers(fleet, origin)
    gate = asyncio.Event()
    origin.script = lambda _: Say(fields=CACHED, chunks=[b"a" * 10, b"b" * 10], gate=gate)
    client = await fleet.client("low")
    client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await client.read_head()
    await client.close()
    gate.set()
    await until(lambda: not fleet.pods["low"]._core.busy)
    response = await fleet.get("low", "/a")
    assert (response.word, response.body) == ("HIT", b"a" * 10 + b"b" * 10)
    assert len(origin.seen) == 1

"""Origins that their health checks call unhealthy: who serves instead, who is refused, and that nobody is harmed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from world.alone import counted
from world.fleet import Fleet, until, zone
from world.load import Load
from world.origin import Origin, Say, Seen
from world.raworigin import RawOrigin
from world.tunnels import open_tunnel

from shield_proxy.config.contract import Tier
from shield_proxy.config.state import Origin as Backend

CACHED = [("Cache-Control", "max-age=60")]
STALE = [("Cache-Control", "max-age=1, stale-if-error=1000")]
UPPERS = {"eu": ("eu/a",), "us": ("us/b",)}


@pytest_asyncio.fixture
async def other() -> AsyncIterator[Origin]:
    """The origin that stands in."""
    server = Origin(lambda _: Say(body=b"us"))
    await server.start()
    yield server
    await server.stop()


class Shop:
    """A fleet of a lower tier and two upper ones, each with the origin of its region."""

    def __init__(self, fleet: Fleet, eu: int, us: int) -> None:
        self.fleet = fleet
        self.eu = Backend("eu", "127.0.0.1", eu, fallbacks=("us",))
        self.us = Backend("us", "127.0.0.1", us)
        self.uppers = UPPERS

    async def start(self) -> "Shop":
        """All origins are healthy."""
        await self.fleet.add("low", Tier.LOWER, "eu/a")
        await self.fleet.add("up-eu", Tier.UPPER, "eu/a")
        await self.fleet.add("up-us", Tier.UPPER, "us/b")
        self.use()
        return self

    def use(self, eu: bool = True, us: bool = True, **of_eu: Any) -> None:
        """From now on the origins are healthy or not, in the eyes of all pods."""
        self.fleet.use(self.zone(eu, us, **of_eu))

    def zone(self, eu: bool, us: bool, **of_eu: Any) -> Any:
        origins = (replace(self.eu, unhealthy=not eu, **of_eu), replace(self.us, unhealthy=not us))
        return zone(1, origins=origins, uppers=self.uppers)


async def test_requests_go_to_the_fallback_by_its_own_upper_tier_and_back_again(
    fleet: Fleet, origin: Origin, other: Origin
) -> None:
    shop = await Shop(fleet, origin.port, other.port).start()
    origin.script = lambda _: Say(body=b"eu")
    assert (await fleet.get("low", "/1")).body == b"eu"
    shop.use(eu=False)
    for method in ("GET", "HEAD", "POST", "DELETE"):
        body = b"x" if method == "POST" else None
        assert (await fleet.get("low", "/2", method=method, body=body)).status == 200
    assert (len(origin.seen), [seen.method for seen in other.seen]) == (1, ["GET", "HEAD", "POST", "DELETE"])
    assert counted(fleet, "shield_fetches_total", "origin", "up-us") == 4
    assert counted(fleet, "shield_fetches_total", "origin", "up-eu") == 1
    shop.use()
    assert (await fleet.get("low", "/3")).body == b"eu"
    assert len(other.seen) == 4


async def test_a_fallback_is_asked_as_it_wants_to_be(fleet: Fleet, origin: Origin, other: Origin) -> None:
    shop = Shop(fleet, origin.port, other.port)
    shop.us = replace(shop.us, host_header="us.example")
    await shop.start()
    shop.use(eu=False)
    await fleet.get("low", "/a")
    assert other.seen[0]["host"] == "us.example"


async def test_what_is_stored_is_found_whoever_answered(fleet: Fleet, origin: Origin, other: Origin) -> None:
    shop = await Shop(fleet, origin.port, other.port).start()
    origin.script = lambda _: Say(fields=CACHED, body=b"eu")
    assert (await fleet.get("low", "/a")).word == "MISS"
    shop.use(eu=False)
    found = await fleet.get("low", "/a")
    assert (found.word, found.body) == ("HIT", b"eu")
    assert other.seen == []


async def test_an_unhealthy_origin_without_a_healthy_fallback_is_asked_all_the_same(
    fleet: Fleet, origin: Origin, other: Origin
) -> None:
    shop = await Shop(fleet, origin.port, other.port).start()
    shop.use(eu=False, us=False)
    assert (await fleet.get("low", "/a")).body == b"hello"
    assert other.seen == []


async def test_refusing_is_an_error_of_our_own_that_says_when_to_come_back(
    fleet: Fleet, origin: Origin, other: Origin
) -> None:
    shop = await Shop(fleet, origin.port, other.port).start()
    shop.use(eu=False, us=False, refuses=True)
    for method in ("GET", "POST"):
        body = b"x" if method == "POST" else None
        refused = await fleet.get("low", "/a", method=method, body=body)
        said = json.loads(refused.body)
        assert (refused.status, said["code"], said["reason"]) == (503, 503, "origin-unhealthy")
        assert (refused.word, refused["retry-after"]) == ("NONE", "5")
        assert "detail=origin-unhealthy" in refused["cache-status"]
    assert (origin.seen, other.seen) == ([], [])
    assert counted(fleet, "shield_errors_total", "origin-unhealthy", "up-eu") == 2
    shop.use(eu=False, us=True, refuses=True)
    assert (await fleet.get("low", "/a")).body == b"us"
    shop.use(refuses=True)
    assert (await fleet.get("low", "/b")).body == b"hello"


async def test_where_an_origin_is_refused_what_is_stored_answers_fresh_or_stale(
    fleet: Fleet, origin: Origin, other: Origin
) -> None:
    shop = await Shop(fleet, origin.port, other.port).start()
    await fleet.add("low-2", Tier.LOWER, "us/b")
    shop.use()
    origin.script = lambda seen: Say(fields=STALE if seen.target == "/stale" else CACHED, body=b"kept")
    for target in ("/stale", "/fresh"):
        assert (await fleet.get("low", target)).word == "MISS"
    fleet.clock.pass_time(2)
    shop.use(eu=False, us=False, refuses=True)
    stale = await fleet.get("low", "/stale")
    assert (stale.status, stale.body) == (200, b"kept")
    assert "hit; fwd=stale; detail=origin-unhealthy" in stale["cache-status"]
    assert (await fleet.get("up-eu", "/stale")).word == "STALE"
    assert (await fleet.get("low", "/fresh")).word == "HIT"
    # A lower tier that has nothing yet finds what the upper one has.
    assert (await fleet.get("low-2", "/fresh")).body == b"kept"
    assert (await fleet.get("low-2", "/stale")).body == b"kept"
    assert (await fleet.get("low-2", "/other")).status == 503
    assert len(origin.seen) == 2


async def test_requests_under_way_end_where_they_began(fleet: Fleet, origin: Origin, other: Origin) -> None:
    shop = await Shop(fleet, origin.port, other.port).start()
    gate = asyncio.Event()

    async def wait(seen: Seen) -> Say:
        if seen.target == "/late":
            await gate.wait()
            return Say(body=b"late")
        return Say(chunks=[b"first", b"second"], gate=gate)

    origin.script = wait
    streaming, waiting = (asyncio.create_task(fleet.get("low", target)) for target in ("/stream", "/late"))
    uploading = await fleet.client("low")
    uploading.send(b"PUT /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n\r\nab")
    await until(lambda: len(origin.seen) == 3)
    shop.use(eu=False)
    assert (await fleet.get("low", "/new")).body == b"us"
    uploading.send(b"cd")
    (upload,) = [seen for seen in origin.seen if seen.method == "PUT"]
    await until(lambda: upload.body == b"abcd")
    gate.set()
    assert (await streaming).body == b"firstsecond"
    assert (await waiting).body == b"late"
    assert (await uploading.read()).body == b"firstsecond"
    assert len(other.seen) == 1


async def test_tunnels_stay_where_they_lead(fleet: Fleet, raw: RawOrigin, other: Origin) -> None:
    shop = await Shop(fleet, raw.port, other.port).start()
    tunnel = await open_tunnel(fleet)
    shop.use(eu=False)
    tunnel.send(b"still there?")
    assert await tunnel.reader.readexactly(12) == b"still there?"


@pytest.mark.parametrize("upper", ["eu/a", "us/b"])
async def test_who_comes_after_the_change_does_not_wait_for_the_origin_that_hangs(
    fleet: Fleet, origin: Origin, other: Origin, upper: str
) -> None:
    shop = Shop(fleet, origin.port, other.port)
    shop.uppers = {"eu": ("eu/a",), "us": (upper,)}
    await shop.start()
    gate = asyncio.Event()

    async def hang(_: Seen) -> Say:
        await gate.wait()
        return Say(fields=CACHED, body=b"eu")

    origin.script = hang
    other.script = lambda _: Say(fields=CACHED, body=b"us")
    first = asyncio.create_task(fleet.get("low", "/hot"))
    await until(lambda: len(origin.seen) == 1)
    shop.use(eu=False)
    async with asyncio.timeout(5):
        assert (await fleet.get("low", "/hot")).body == b"us"
        assert (await fleet.get("low", "/hot")).word == "HIT"
    gate.set()
    assert (await first).body == b"eu"


async def test_no_request_fails_while_origins_change_places(fleet: Fleet, origin: Origin, other: Origin) -> None:
    """Pods hear of it one after the other, and the origin stops a moment after the last has."""
    shop = await Shop(fleet, origin.port, other.port).start()
    port = origin.port
    load = Load(fleet.pods["low"].client_addresses[0])
    await load.start(8)

    async def turn(eu: bool, order: tuple[str, ...]) -> None:
        state = fleet.state(shop.zone(eu, us=True))
        for pod in order:
            fleet.pods[pod].use(state)
            await asyncio.sleep(0.05)

    async def more(requests: int) -> None:
        before = load.statuses.total()
        await until(lambda: load.statuses.total() >= before + requests, 20)

    with contextlib.ExitStack() as stack:
        stack.callback(load.abort)
        for order in (("low", "up-eu", "up-us"), ("up-us", "up-eu", "low")):
            await more(50)
            await turn(False, order)
            seen = len(origin.seen)
            await more(50)
            await until(lambda: fleet.pods["up-eu"].counters.gauges.get("shield_requests_running", 0) == 0)
            await origin.stop()
            await more(50)
            assert len(origin.seen) <= seen + 8  # those that were under way
            await origin.start(port=port)
            asked = len(origin.seen)
            await turn(True, order)
            await until(lambda asked=asked: len(origin.seen) > asked + 20)  # type: ignore[misc]
        await load.stop()
    assert set(load.statuses) == {200}
    assert load.cut == 0

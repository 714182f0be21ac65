"""Many who ask for one thing at once."""

import asyncio

from world.fleet import Fleet, until, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier

CACHED = [("Cache-Control", "max-age=60")]


async def test_all_who_wait_get_the_bytes_of_one_fetch_as_they_arrive(fleet: Fleet, origin: Origin) -> None:
    for name, tier, dc in (("low", Tier.LOWER, "eu/a"), ("up", Tier.UPPER, "us/b")):
        await fleet.add(name, tier, dc)
    fleet.use(zone(origin.port))
    gate = asyncio.Event()
    origin.script = lambda _: Say(fields=CACHED, chunks=[b"first", b"second"], gate=gate)
    clients = [await fleet.client("low") for _ in range(20)]
    for client in clients:
        client.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    for client in clients:
        await client.read_head()
        assert await client.reader.readexactly(10) == b"5\r\nfirst\r\n"
    gate.set()
    for client in clients:
        assert await client.reader.readexactly(16) == b"6\r\nsecond\r\n0\r\n\r\n"
    assert len(origin.seen) == 1


async def test_pods_of_a_data_centre_fetch_once_between_them(fleet: Fleet, origin: Origin) -> None:
    for name in ("low-1", "low-2", "low-3"):
        await fleet.add(name, Tier.UPPER, "eu/a")
    fleet.use(zone(origin.port))
    await asyncio.gather(*(pod._members.refresh() for pod in fleet.pods.values()))
    origin.script = lambda _: Say(fields=CACHED, body=b"one", delay=0.05)
    for i in range(5):
        answers = await asyncio.gather(*(fleet.get(name, f"/{i}") for name in fleet.pods for _ in range(3)))
        assert {answer.body for answer in answers} == {b"one"}
    assert len(origin.seen) == 5
    for name in fleet.pods:
        assert (await fleet.get(name, "/0")).word == "HIT"


async def test_pods_that_disagree_about_the_ring_neither_loop_nor_wait_for_each_other(
    fleet: Fleet, origin: Origin
) -> None:
    # Each knows itself by an address that the other has never heard of, so their rings differ.
    for name, address in (("low-1", "127.0.0.98"), ("low-2", "127.0.0.99")):
        await fleet.add(name, Tier.UPPER, "eu/a", address=address)
    fleet.use(zone(origin.port))
    await asyncio.gather(*(pod._members.refresh() for pod in fleet.pods.values()))
    origin.script = lambda _: Say(fields=CACHED, body=b"one", delay=0.1)
    targets = [f"/{i}" for i in range(24)]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*(fleet.get(name, target) for target in targets for name in fleet.pods))
    assert {answer.body for answer in answers} == {b"one"}
    assert len(targets) <= len(origin.seen) <= 2 * len(targets)


async def test_what_cannot_be_shared_releases_the_others_and_is_remembered(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    count = 0

    def script(_: object) -> Say:
        nonlocal count
        count += 1
        return Say(fields=[("Cache-Control", "private")], body=b"%d" % count, delay=0.1)

    origin.script = script
    answers = await asyncio.gather(*(fleet.get("low", "/a") for _ in range(5)))
    assert {answer.word for answer in answers} == {"BYPASS"}
    assert len({answer.body for answer in answers}) == 5
    async with asyncio.timeout(0.35):  # all at once: nobody waits for anybody any more
        await asyncio.gather(*(fleet.get("low", "/a") for _ in range(5)))


async def test_followers_of_another_variant_get_their_own(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    fields = [*CACHED, ("Vary", "Accept-Language")]
    origin.script = lambda seen: Say(fields=fields, body=seen["accept-language"].encode(), delay=0.1)
    answers = await asyncio.gather(
        *(fleet.get("low", "/a", ("Accept-Language", language)) for language in ("en", "de", "en", "de"))
    )
    assert [answer.body for answer in answers] == [b"en", b"de", b"en", b"de"]


async def test_an_error_is_shared_so_that_a_failing_origin_is_not_flooded(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(raw=b"", close=True, delay=0.1)
    answers = await asyncio.gather(*(fleet.get("low", "/a") for _ in range(10)))
    assert {answer.status for answer in answers} == {520}
    assert len(origin.seen) == 1


async def test_a_slow_reader_does_not_hold_up_the_others(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(fields=CACHED, body=b"x" * 3_000_000)
    slow = await fleet.client("low")
    slow.send(b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    await until(lambda: len(origin.seen) == 1)
    assert len((await fleet.get("low", "/a")).body) == 3_000_000
    assert len((await slow.read()).body) == 3_000_000
    assert len(origin.seen) == 1

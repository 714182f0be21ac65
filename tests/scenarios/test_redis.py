"""L2: a real Redis that is shared, killed, stopped and filled."""

import asyncio
import itertools
import os
import signal
import time

import pytest
from world.fleet import Fleet, RedisSettings, until, zone
from world.origin import Origin, Say
from world.redis import Redis

from shield_proxy.config.contract import Tier

CACHED = [("Cache-Control", "max-age=60"), ("ETag", '"v1"')]


def settings(redis: Redis) -> RedisSettings:
    return RedisSettings("127.0.0.1", redis.port, "secret")


async def two_lowers(fleet: Fleet, origin: Origin, redis: Redis, second_dc: str = "eu/b") -> None:
    """Two data centres for the ring's sake, with one Redis."""
    await fleet.add("low-1", Tier.UPPER, "eu/a", redis=settings(redis))
    await fleet.add("low-2", Tier.UPPER, second_dc, redis=settings(redis))
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(fields=CACHED, body=b"one")


def stored(fleet: Fleet, name: str) -> int:
    return fleet.pods[name].counters.by_kind.get(("shield_redis_operations_total", "stored"), 0)


async def test_what_one_pod_stored_another_finds_with_its_age(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    await two_lowers(fleet, origin, redis)
    origin.script = lambda _: Say(fields=[*CACHED, ("Age", "30")], body=b"one")
    assert (await fleet.get("low-1", "/a")).word == "MISS"
    await until(lambda: stored(fleet, "low-1") == 1)
    found = await fleet.get("low-2", "/a")
    assert (found.word, found.body) == ("HIT", b"one")
    assert 30 <= int(found["age"]) <= 32
    assert len(origin.seen) == 1
    assert (await fleet.get("low-2", "/a")).word == "HIT"


async def test_variants_are_found_in_redis_by_the_fields_that_select_them(
    fleet: Fleet, origin: Origin, redis: Redis
) -> None:
    await two_lowers(fleet, origin, redis)
    origin.script = lambda seen: Say(
        fields=[*CACHED, ("Vary", "Accept-Language")], body=seen["accept-language"].encode()
    )
    for language in ("en", "de"):
        await fleet.get("low-1", "/a", ("Accept-Language", language))
    await until(lambda: stored(fleet, "low-1") == 2)
    for language in ("en", "de"):
        found = await fleet.get("low-2", "/a", ("Accept-Language", language))
        assert (found.word, found.body) == ("HIT", language.encode())
    assert (await fleet.get("low-2", "/a", ("Accept-Language", "fr"))).word == "MISS"


async def test_a_value_under_the_wrong_key_is_not_served(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    await two_lowers(fleet, origin, redis)
    await fleet.get("low-1", "/a")
    await until(lambda: stored(fleet, "low-1") == 1)
    (name,) = redis.command("KEYS", "*").split()
    await fleet.get("low-1", "/b")
    await until(lambda: stored(fleet, "low-1") == 2)
    (other,) = set(redis.command("KEYS", "*").split()) - {name}
    redis.command("COPY", name, other, "REPLACE")
    assert (await fleet.get("low-2", "/b")).word == "MISS"


async def test_a_redis_that_is_killed_costs_no_request_and_comes_back(
    fleet: Fleet, origin: Origin, redis: Redis
) -> None:
    await two_lowers(fleet, origin, redis)
    await fleet.get("low-1", "/a")
    await until(lambda: stored(fleet, "low-1") == 1)
    redis.kill()
    for i in range(10):
        assert (await fleet.get("low-1", f"/dead/{i}")).status == 200
    assert fleet.pods["low-1"]._level2.bypassed  # type: ignore[union-attr]
    redis.start()
    fleet.clock.pass_time(15)
    before = stored(fleet, "low-1")
    for i in range(3):
        assert (await fleet.get("low-1", f"/alive/{i}")).status == 200
    await until(lambda: stored(fleet, "low-1") > before)
    assert not fleet.pods["low-1"]._level2.bypassed  # type: ignore[union-attr]


async def test_a_redis_that_hangs_costs_a_moment_and_then_nothing(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    await two_lowers(fleet, origin, redis)
    await fleet.get("low-1", "/a")
    assert redis.process is not None
    os.kill(redis.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        for i in range(10):
            assert (await fleet.get("low-1", f"/hung/{i}")).status == 200
        assert time.monotonic() - started < 2.0
    finally:
        os.kill(redis.process.pid, signal.SIGCONT)


async def test_a_redis_that_stalls_for_a_moment_is_asked_again_at_once(
    fleet: Fleet, origin: Origin, redis: Redis
) -> None:
    await two_lowers(fleet, origin, redis)
    await fleet.get("low-2", "/a")
    await until(lambda: stored(fleet, "low-2") == 1)
    assert (await fleet.get("low-1", "/a")).word == "HIT"  # connected
    assert redis.process is not None
    os.kill(redis.process.pid, signal.SIGSTOP)
    try:
        together = [await fleet.client("low-1") for _ in range(20)]
        for i, client in enumerate(together):
            client.send(f"GET /stalled/{i} HTTP/1.1\r\nHost: shop.example\r\n\r\n".encode())
        assert {(await client.read()).status for client in together} == {200}
    finally:
        os.kill(redis.process.pid, signal.SIGCONT)
    failed = fleet.pods["low-1"].counters.by_kind[("shield_redis_operations_total", "failed")]
    assert (failed, fleet.pods["low-1"]._level2.bypassed) == (20, False)  # type: ignore[union-attr]


async def test_a_full_redis_goes_on_answering_what_it_has(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    await two_lowers(fleet, origin, redis)
    await fleet.get("low-1", "/a")
    await until(lambda: stored(fleet, "low-1") == 1)
    redis.command("CONFIG", "SET", "maxmemory", "1mb")
    redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    for i in range(10):
        assert (await fleet.get("low-1", f"/full/{i}")).status == 200
    assert (await fleet.get("low-2", "/a")).word == "HIT"


async def test_a_wrong_password_is_as_good_as_no_redis(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    await fleet.add("low", Tier.UPPER, redis=RedisSettings("127.0.0.1", redis.port, "wrong"))
    fleet.use(zone(origin.port))
    for i in range(5):
        assert (await fleet.get("low", f"/{i}")).status == 200


async def test_an_unsafe_request_removes_what_redis_holds(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    await two_lowers(fleet, origin, redis)
    await fleet.get("low-1", "/a")
    await until(lambda: stored(fleet, "low-1") == 1)
    assert (await fleet.get("low-1", "/a", method="POST", body=b"")).status == 200
    await until(lambda: stored(fleet, "low-1") == 2)
    assert (await fleet.get("low-2", "/a")).word == "MISS"


@pytest.mark.parametrize("size", [(1 << 20) + 1])
async def test_large_bodies_are_not_put_into_redis(fleet: Fleet, origin: Origin, redis: Redis, size: int) -> None:
    await two_lowers(fleet, origin, redis)
    origin.script = lambda _: Say(fields=CACHED, body=b"x" * size)
    assert len((await fleet.get("low-1", "/a")).body) == size
    assert (await fleet.get("low-1", "/a")).word == "HIT"
    assert redis.command("DBSIZE") == "0"


async def test_a_password_that_changes_is_used_for_new_connections(fleet: Fleet, origin: Origin, redis: Redis) -> None:
    wrong = RedisSettings("127.0.0.1", redis.port, "former")
    await fleet.add("low", Tier.UPPER, redis=wrong)
    fleet.use(zone(origin.port))
    origin.script = lambda _: Say(fields=CACHED, body=b"one")
    assert (await fleet.get("low", "/a")).status == 200
    failed = fleet.pods["low"].counters.by_kind
    await until(lambda: failed.get(("shield_redis_operations_total", "failed"), 0) > 0)
    assert stored(fleet, "low") == 0
    fleet.pods["low"].use_redis_password("secret")
    async with asyncio.timeout(10):
        for number in itertools.count():
            assert (await fleet.get("low", f"/{number}")).status == 200
            if stored(fleet, "low"):
                break
            await asyncio.sleep(0.1)

"""An unsafe request invalidates also what is on its way at that moment."""

import asyncio

from world.fleet import Fleet, RedisSettings, until, zone
from world.origin import Origin, Say, Seen
from world.redis import Redis

from shield_proxy.config.contract import Tier

CACHED = [("Cache-Control", "max-age=1000")]


def versioned(origin: Origin, gate: asyncio.Event) -> None:
    """GET says the version that was current when it came, once the gate is open; POST raises it."""
    version = 1

    async def script(seen: Seen) -> Say:
        nonlocal version
        if seen.method == "POST":
            version += 1
            return Say(status=204)
        said = b"version %d" % version
        await gate.wait()
        return Say(fields=CACHED, body=said)

    origin.script = script


async def test_a_fetch_that_began_before_a_post_is_not_stored_after_it(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.UPPER)
    fleet.use(zone(origin.port))
    gate = asyncio.Event()
    versioned(origin, gate)
    early = asyncio.create_task(fleet.get("low", "/a"))
    await until(lambda: len(origin.seen) == 1)
    assert (await fleet.get("low", "/a", method="POST", body=b"x")).status == 204
    late = asyncio.create_task(fleet.get("low", "/a"))
    await until(lambda: len(origin.seen) == 3)
    gate.set()
    assert (await early).body == b"version 1"
    assert (await late).body == b"version 2"
    again = await fleet.get("low", "/a")
    assert (again.word, again.body) == ("HIT", b"version 2")


async def test_an_older_entry_of_redis_replaces_no_newer_one_in_memory(
    fleet: Fleet, origin: Origin, redis: Redis
) -> None:
    settings = RedisSettings("127.0.0.1", redis.port, "secret")
    await fleet.add("one", Tier.UPPER, "eu/a", redis=settings)
    await fleet.add("two", Tier.UPPER, "us/b", redis=settings)
    fleet.use(zone(origin.port))
    gate = asyncio.Event()

    async def script(_: Seen) -> Say:
        if len(origin.seen) > 1:
            return Say(fields=[*CACHED, ("Age", "100")], body=b"older")
        await gate.wait()
        return Say(fields=CACHED, body=b"newer")

    origin.script = script
    slow = asyncio.create_task(fleet.get("one", "/a"))
    await until(lambda: len(origin.seen) == 1)
    assert (await fleet.get("two", "/a")).body == b"older"
    await until(lambda: bool(redis.command("keys", "*")))
    redis.command("client", "pause", "150", "all")
    looking = asyncio.create_task(fleet.get("one", "/a"))
    await asyncio.sleep(0.05)
    gate.set()
    assert (await slow).body == b"newer"
    assert (await looking).body == b"newer"
    assert (await fleet.get("one", "/a")).body == b"newer"

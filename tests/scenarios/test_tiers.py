"""Two tiers in two data centres."""

from world.fleet import Fleet, zone
from world.origin import Origin, Say

from shield_proxy.config.contract import Tier


async def test_a_miss_is_fetched_once_by_the_upper_and_hits_after(fleet: Fleet, origin: Origin) -> None:
    origin.script = lambda _: Say(fields=[("Cache-Control", "max-age=60")], body=b"x" * 1000)
    await fleet.add("low-a", Tier.LOWER, "eu/a")
    await fleet.add("low-b", Tier.LOWER, "us/b")
    await fleet.add("up-a", Tier.UPPER, "eu/a")
    fleet.use(zone(origin.port, uppers={"web": ("eu/a",)}))
    first = await fleet.get("low-a", "/one")
    assert (first.status, first.word, first.body) == (200, "MISS", b"x" * 1000)
    second = await fleet.get("low-b", "/one")
    assert second.word == "MISS"
    assert second["age"] == "0"
    assert "upper/eu/a; hit" in second["cache-status"]
    for pod in ("low-a", "low-b"):
        again = await fleet.get(pod, "/one")
        assert (again.word, again.body) == ("HIT", b"x" * 1000)
    assert len(origin.seen) == 1

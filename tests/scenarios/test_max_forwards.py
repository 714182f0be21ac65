"""An OPTIONS goes to as many recipients as it says, and all tiers together are one of them (RFC 9110, 7.6.2)."""

import pytest
from world.fleet import Fleet, zone
from world.origin import Origin

from shield_proxy.config.contract import Tier


async def two_tiers(fleet: Fleet, origin: Origin) -> None:
    await fleet.add("low", Tier.LOWER, "eu/a")
    await fleet.add("up", Tier.UPPER, "us/b")
    fleet.use(zone(origin.port))


@pytest.mark.parametrize("left", ["0", "000"])
async def test_one_that_may_go_no_further_is_answered_here(fleet: Fleet, origin: Origin, left: str) -> None:
    await two_tiers(fleet, origin)
    response = await fleet.get("low", "/a", ("Max-Forwards", left), method="OPTIONS")
    assert (response.status, response.body, "GET" in response["allow"]) == (200, b"", True)
    assert origin.seen == []


@pytest.mark.parametrize(
    ("left", "told"),
    [("1", "0"), ("3", "2"), ("010", "9"), ("9" * 5000, "999999"), ("-1", "-1"), ("many", "many")],
    ids=["one", "three", "a zero before it", "endless", "negative", "no number"],
)
async def test_one_that_may_go_on_may_go_to_one_fewer(fleet: Fleet, origin: Origin, left: str, told: str) -> None:
    await two_tiers(fleet, origin)
    client = await fleet.client("low")
    for method in ("GET", "OPTIONS", "GET"):  # the same fields in each, so that what was worked out once is used again
        assert (await client.ask("/a", ("Max-Forwards", left), method=method)).body == b"hello"
    assert [(seen.method, seen["max-forwards"]) for seen in origin.seen] == [
        ("GET", left),
        ("OPTIONS", told),
        ("GET", left),
    ]

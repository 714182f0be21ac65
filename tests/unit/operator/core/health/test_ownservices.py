"""When probers are told of the shield's own Services: of a set that is steady, or of one that never will be."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.health.ownservices import MOST_SECONDS, STEADY_SECONDS, OwnServices, bounded, followed
from shield_proxy.config.checks.contract import MOST_INTERNAL

A, B, C = ("10.0.0.1",), ("10.0.0.1", "10.0.0.2"), ("10.0.0.3",)
sets = st.sampled_from([A, B, C])


def told(shop: Any) -> str:
    (name,) = {
        body["metadata"]["name"] for body in shop.found("CronJob") if shop.place_of(body["metadata"]["name"]) == "eu/a"
    }
    spec = shop.objects["CronJob", name]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    environment = {each["name"]: each.get("value", "") for each in spec["containers"][0]["env"]}
    return str(environment.get("SHIELD_OWN_SERVICES", ""))


def test_probers_are_told_at_the_first_plan(namespace: Any) -> None:
    shop = namespace(services=B)
    shop.step()
    assert told(shop) == "10.0.0.1,10.0.0.2"


def test_a_hundred_zones_that_are_made_one_after_another_are_told_once(namespace: Any) -> None:
    shop = namespace(services=())
    shop.step()
    texts = []
    for i in range(100):
        shop.services = bounded((*shop.services, f"10.0.1.{i}"))
        shop.step(3.0)
        texts.append(told(shop))
    shop.run(int(STEADY_SECONDS) + 2)
    texts.append(told(shop))
    assert set(texts) == {"", ",".join(shop.services)}


def test_a_service_that_comes_and_goes_within_a_minute_is_never_told(namespace: Any) -> None:
    shop = namespace(services=A)
    shop.step()
    for services in (B, B, A, B, A):
        shop.services = services
        shop.step(STEADY_SECONDS / 4)
        assert told(shop) == "10.0.0.1"


@given(st.lists(st.tuples(sets, st.floats(0.1, 200.0)), min_size=1, max_size=60))
def test_what_was_told_lasts_a_minute_and_what_differs_is_told_in_time(
    steps: list[tuple[tuple[str, ...], float]],
) -> None:
    now, services, since, longest = 0.0, None, 0.0, max(seconds for _, seconds in steps)
    differing: float | None = None
    for seen, seconds in steps:
        before, services = services, followed(services, seen, now)
        if before is not None and services.told != before.told:
            assert services.told == seen
            assert now - since >= STEADY_SECONDS
            since = now
        if services.told == seen:
            differing = None
        elif differing is None:
            differing = now
        else:
            assert now - differing < MOST_SECONDS + longest
        now += seconds


def test_a_set_that_changes_all_the_time_is_told_after_ten_minutes() -> None:
    services, now = followed(None, A, 0.0), 0.0
    while services.told == A:
        now += 30.0
        services = followed(services, B if now % 60 else C, now)
    assert MOST_SECONDS <= now <= MOST_SECONDS + 60.0


def test_an_operator_that_begins_tells_what_there_is() -> None:
    assert followed(None, B, 5.0) == OwnServices(B, B, 5.0)


def test_no_more_are_told_than_a_prober_takes() -> None:
    many = [f"10.{i // 65536}.{i // 256 % 256}.{i % 256}" for i in range(3 * MOST_INTERNAL)]
    assert len(bounded(many)) == MOST_INTERNAL
    assert bounded(reversed(many)) == bounded(many)

"""An operator that has just begun to lead, and has not heard yet who is alive."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.world import ChecksMemory
from shield_proxy.config.checks.contract import LEASE_SECONDS, RENEW_SECONDS

KEYS = ("eu/a", "eu/b", "eu/c", "us/a", "us/b", "asia/a")
healths = st.sampled_from(["Healthy", "Unhealthy", "Unknown"])


def changes_hands(shop: Any, order: random.Random) -> None:
    """Another operator leads. Whoever is alive renews his Lease at a time of his own, as always."""
    shop.memory, shop.since = ChecksMemory(), shop.now
    shop.births = {
        name: shop.now + order.uniform(0.5, RENEW_SECONDS)
        for name, lease in shop.leases.items()
        if shop.place_of(name) not in shop.dead and lease.holder
    }
    shop.leases = {name: replace(lease, heard=0.0) for name, lease in shop.leases.items()}
    shop.started.clear()
    shop.happenings.clear()


@st.composite
def standing(draw: Any, namespace: Any) -> Any:
    """Checks in some data centres, all of which were heard, some with entries, some dead since; all of it is told."""
    shop = namespace(checks={})
    shop.nodes.clear()
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    for key in keys:
        shop.add(key)
    for i in range(draw(st.integers(1, 3))):
        shop.check(f"check-{i}", i)
    shop.run(4)
    for _ in range(2):
        for name in shop.checks:
            for key in draw(st.lists(st.sampled_from(keys), unique=True)):
                shop.report(key, draw(healths), name, reason=draw(st.sampled_from(["TCP Timeout", "Other Failure"])))
        shop.run(2)
    shop.dead = draw(st.sets(st.sampled_from(keys)))
    shop.run(draw(st.sampled_from([LEASE_SECONDS + 5, 200])))
    return shop


def verdict(status: Any) -> Any:
    """All of a status but Ready, which tells of pods too."""
    parts = {key: value for key, value in status.items() if key not in ("probes", "conditions")}
    return parts, [each for each in status["conditions"] if each["type"] == "Healthy"]


@settings(max_examples=60)
@given(st.data(), st.randoms(use_true_random=False))
def test_where_nothing_happens_a_new_leader_changes_no_verdict_and_says_nothing(
    namespace: Any, data: st.DataObject, order: random.Random
) -> None:
    shop = data.draw(standing(namespace))
    before = {name: verdict(shop.status(name)) for name in shop.checks}
    ready = {name: shop.condition("Ready", name) for name in shop.checks}
    changes_hands(shop, order)
    for second in range(2 * LEASE_SECONDS):
        shop.step()
        assert {name: verdict(shop.status(name)) for name in shop.checks} == before
        if second < LEASE_SECONDS - 1:
            assert {name: shop.condition("Ready", name) for name in shop.checks} == ready
            assert (shop.happenings, shop.started) == ([], [])


@settings(max_examples=40)
@given(st.data(), st.randoms(use_true_random=False), st.sampled_from(["Healthy", "Unhealthy"]))
def test_what_those_who_live_agree_on_is_told_soon_and_nothing_else_before(
    namespace: Any, data: st.DataObject, order: random.Random, mind: str
) -> None:
    shop = data.draw(standing(namespace))
    living = [key for key in shop.nodes if key not in shop.dead]
    stood = {name: shop.status(name)["status"] for name in shop.checks}
    for name in shop.checks:
        for key in living:
            shop.report(key, mind, name, reason="TCP Timeout")
    changes_hands(shop, order)
    for second in range(LEASE_SECONDS + 2):
        shop.step()
        for name in shop.checks:
            assert shop.status(name)["status"] in (mind, stood[name])
            if living and (second > LEASE_SECONDS or (second > RENEW_SECONDS and not shop.dead)):
                assert shop.status(name)["status"] == mind


def test_a_prober_that_died_with_the_leader_is_silent_a_leases_time_after_the_next_began(probed: Any) -> None:
    probed.dead = {"us/a"}
    changes_hands(probed, random.Random(1))
    probed.run(LEASE_SECONDS)
    assert probed.condition("Ready") == ("True", "Probing")
    assert probed.started == []
    assert make_checks_plan(probed.world()).again_after <= 10
    probed.run(2)
    assert probed.condition("Ready") == ("False", "DataCenterSilent")
    assert [probed.place_of(name) for name in probed.started] == ["us/a"]


def test_who_was_silent_stays_so_until_the_next_leader_knows(probed: Any) -> None:
    probed.dead = {"us/a"}
    probed.run(40)
    probed.dead = set()
    changes_hands(probed, random.Random(1))
    probed.step()
    assert probed.status()["silent"] == ["us/a"]
    probed.run(RENEW_SECONDS + 1)
    assert "silent" not in probed.status()


def test_the_next_look_is_when_a_lease_could_have_been_silent_for_long_enough(probed: Any) -> None:
    probed.dead = {"us/a", "eu/a", "eu/b", "asia/a"}
    changes_hands(probed, random.Random(1))
    probed.now += 20
    assert make_checks_plan(probed.world()).again_after == pytest.approx(10.5)


def test_a_first_check_waits_for_nobody(shop: Any) -> None:
    shop.since = shop.now
    shop.step()
    assert len(shop.started) == 4
    shop.run(3)
    for key in shop.nodes:
        shop.report(key)
    shop.step()
    assert (shop.status()["status"], shop.condition("Ready")) == ("Healthy", ("True", "Probing"))


def test_slots_that_were_missed_after_the_new_leader_began_are_told(probed: Any) -> None:
    probed.dead = {"us/a"}
    changes_hands(probed, random.Random(1))
    probed.run(40)
    probed.dead = set()
    name = next(name for name in probed.leases if probed.place_of(name) == "us/a")
    probed.leases[name] = replace(probed.leases[name], heard=probed.now, missed=8)
    probed.step()
    assert (name, "ProbesMissed") in probed.happenings

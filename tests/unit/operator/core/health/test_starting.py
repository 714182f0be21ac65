"""Runs that don't come alive, Leases that somebody deletes, slots that nobody probes: what is done and what is said."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.starting import MISSED_SECONDS, MOST_START_SECONDS, TROUBLED_SECONDS, missed_since
from shield_operator.core.health.world import ProberLease, ProberPod

LABEL = naming.data_center_label("us/a")


def prober(shop: Any, data_center: str = "us/a") -> str:
    (name,) = [name for kind, name in shop.objects if kind == "Lease" and shop.place_of(name) == data_center]
    return str(name)


def starts(shop: Any, seconds: int) -> list[float]:
    """When runs in us/a are started, in seconds from now."""
    began, out = shop.now, []
    for _ in range(seconds):
        count = len(shop.started)
        shop.step()
        out += [shop.now - 1 - began for name in shop.started[count:] if shop.place_of(name) == "us/a"]
    return out


def pod(name: str, created: float, trouble: str = "", **more: Any) -> ProberPod:
    return ProberPod(name, LABEL, 0, created, trouble=trouble, **more)


def test_runs_that_do_not_come_alive_are_started_less_and_less_often(shop: Any) -> None:
    shop.dead = {"us/a"}
    at = starts(shop, 3600)
    assert at[:5] == [0, 60, 180, 420, 900]
    assert {b - a for a, b in pairwise(at[4:])} == {MOST_START_SECONDS}


def test_pods_that_fail_delay_the_next_run_as_well(shop: Any) -> None:
    shop.dead = {"us/a"}
    starts(shop, 30)
    shop.pods.append(pod("p", shop.now))
    assert starts(shop, 100) == [60]


def test_once_a_run_was_well_for_two_minutes_the_next_one_is_not_delayed(shop: Any) -> None:
    shop.dead = {"us/a"}
    starts(shop, 500)
    shop.dead = set()
    at = starts(shop, 900)
    shop.dead = {"us/a"}
    again = starts(shop, 200)
    assert len(at) == 1
    assert again[:3] == [30, 90]


def test_a_run_that_dies_as_soon_as_it_is_alive_counts_as_none(shop: Any) -> None:
    """Each lives for some seconds, and is heard for thirty more."""
    out: list[float] = []
    shop.dead, began = {"us/a"}, shop.now
    for _ in range(1500):
        count = len(shop.started)
        shop.step()
        if any(shop.place_of(name) == "us/a" for name in shop.started[count:]):
            out.append(shop.now - 1 - began)
            shop.leases[prober(shop)] = ProberLease(prober(shop), "run", shop.now)
    assert out[:5] == [0, 60, 180, 420, 900]


def test_a_lease_that_was_deleted_and_made_again_costs_no_vote_and_starts_no_run(probed: Any) -> None:
    probed.run(200)
    name = prober(probed)
    probed.started.clear()
    del probed.leases[name], probed.objects["Lease", name]
    probed.dead = {"us/a"}  # nobody has it yet
    for _ in range(20):
        plan = probed.step()
        assert plan.again_after < 30
        assert (probed.condition("Ready"), probed.status()["healthy"]) == (("True", "Probing"), "3/3")
    assert ("Lease", name) in probed.objects
    assert probed.leases[name] == ProberLease(name, "", 0.0)
    probed.run(15)
    assert probed.condition("Ready") == ("False", "Starting")
    assert probed.started == [name]


def test_a_lease_that_its_run_gave_back_is_silent_at_once(probed: Any) -> None:
    name = prober(probed)
    probed.dead = {"us/a"}
    probed.leases[name] = replace(probed.leases[name], holder="")
    probed.step()
    assert probed.condition("Ready")[0] == "False"


@pytest.mark.parametrize("waiting", [True, False])
def test_the_trouble_of_a_pod_is_told_while_its_data_centre_is_not_heard(shop: Any, waiting: bool) -> None:
    shop.dead = {"us/a"}
    shop.run(3)
    shop.pods += [
        pod("p1", shop.now, "ErrImagePull: no such image", waiting=waiting),
        pod("p2", shop.now - 1, "Error: x"),
    ]
    shop.step()
    assert shop.condition("Ready") == ("False", "ProbersFailing")
    assert shop.full_condition("Ready")["message"] == "us/a: ErrImagePull: no such image"
    assert ("origin", "ProbersFailing") in shop.happenings
    shop.dead, shop.pods = set(), []
    shop.run(700)
    assert shop.condition("Ready") == ("True", "Probing")


def test_a_pod_that_follows_one_that_failed_does_not_hide_why_it_did_until_it_is_heard(shop: Any) -> None:
    shop.dead = {"us/a"}
    shop.run(3)
    shop.pods += [pod("p1", shop.now, "OOMKilled: exit code 137"), pod("p2", shop.now + 10, waiting=True)]
    shop.run(20)
    assert shop.condition("Ready") == ("False", "ProbersFailing")
    shop.run(int(TROUBLED_SECONDS))
    assert shop.condition("Ready") == ("False", "Starting")


def test_a_pod_that_failed_long_ago_explains_nothing_to_who_is_heard(probed: Any) -> None:
    probed.pods.append(pod("p1", probed.now - 5, "Error: exit code 1"))
    probed.step()
    assert probed.condition("Ready") == ("True", "Probing")


def test_that_a_run_gets_no_pod_is_told(shop: Any) -> None:
    shop.dead = {"us/a"}
    shop.run(20)
    assert shop.condition("Ready") == ("False", "Starting")
    shop.run(20)
    assert shop.condition("Ready") == ("False", "ProbersFailing")
    assert "no pod was made" in shop.full_condition("Ready")["message"]


def miss(shop: Any, count: int) -> None:
    name = prober(shop)
    shop.leases[name] = replace(shop.leases[name], missed=shop.leases[name].missed + count)


def test_missed_slots_are_told_at_the_cron_job_and_not_again(probed: Any) -> None:
    miss(probed, 7)
    probed.step()
    name = prober(probed)
    assert probed.happenings == [(name, "ProbesMissed")]
    assert probed.messages == ["us/a: 7 probes of checks of shard 0 were not made; 7 in all since its Lease was made"]
    probed.run(400)
    assert len(probed.happenings) == 1


def test_of_slots_that_are_missed_all_the_time_the_sum_is_told_every_five_minutes(probed: Any) -> None:
    seconds = 1000
    for _ in range(seconds):
        probed.leases = {
            name: replace(lease, missed=lease.missed + (probed.place_of(name) == "us/a"))
            for name, lease in probed.leases.items()
        }
        before, plan = probed.memory, make_checks_plan(probed.world())
        probed.counted = getattr(probed, "counted", 0) + missed_since(before, plan.memory)
        told = dict(probed.leases)
        probed.follow(plan)
        probed.now += 1
        probed.leases = {name: replace(lease, heard=probed.now) for name, lease in told.items()}
    assert len(probed.happenings) == 1 + int((seconds - 1) / MISSED_SECONDS)
    assert probed.counted == 1 + 3 * MISSED_SECONDS


def test_what_was_missed_before_this_operator_began_is_not_told_again(namespace: Any) -> None:
    shop = namespace()
    shop.step()
    shop.leases = {name: ProberLease(name, "run", shop.now, missed=1000) for name in shop.leases}
    shop.run(5)
    assert "ProbesMissed" not in [reason for _, reason in shop.happenings]
    miss(shop, 1)
    shop.step()
    assert [reason for _, reason in shop.happenings].count("ProbesMissed") == 1


def test_a_lease_that_was_made_again_counts_from_nothing(probed: Any) -> None:
    miss(probed, 5)
    probed.run(2)
    name = prober(probed)
    probed.leases[name] = replace(probed.leases[name], missed=0)
    probed.run(400)
    miss(probed, 2)
    probed.step()
    assert probed.messages[-1].startswith("us/a: 2 probes")

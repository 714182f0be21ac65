"""Plans for the checks of a namespace, followed in time."""

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shield_operator.core import naming
from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.shards import MOST_CHECKS, MOST_MOVES
from shield_operator.core.health.world import ProberPod

EXAMPLES = settings(max_examples=60)
KEYS = ("eu/a", "eu/b", "eu/c", "eu/d", "us/a", "us/b", "asia/a", "sa/a")
HEALTHS = ("Healthy", "Unhealthy", "Unknown")
REASONS = ("TCP Timeout", "Response code mismatch error", "nonsense")
specs = st.fixed_dictionaries(
    {},
    optional={
        "checkRegions": st.lists(st.sampled_from(["eu", "us", "mars", "WEU"]), max_size=3, unique=True),
        "suspended": st.booleans(),
        "timeout": st.sampled_from([5, 60]),
    },
)
entries = st.lists(
    st.tuples(st.sampled_from((*KEYS, "gone/x")), st.sampled_from(HEALTHS), st.sampled_from(REASONS)), max_size=8
)


@st.composite
def worlds(draw: Any) -> Any:
    """A few checks in some data centres, some of them dead, after a few seconds and with a few reports."""
    return {
        "specs": draw(st.lists(specs, max_size=5)),
        "keys": draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=8, unique=True)),
        "dead": draw(st.sets(st.sampled_from(KEYS), max_size=3)),
        "entries": draw(st.lists(entries, max_size=5)),
    }


def made(namespace: Any, drawn: Any) -> Any:
    shop = namespace(checks={}, codes={"WEU": ("eu",)}, dead=drawn["dead"])
    shop.nodes.clear()
    for key in drawn["keys"]:
        shop.add(key)
    for i, spec in enumerate(drawn["specs"]):
        shop.check(f"check-{i}", i, **spec)
    shop.run(4)
    for i, reports in enumerate(drawn["entries"][: len(drawn["specs"])]):
        for key, health, reason in reports:
            shop.report(key, health, f"check-{i}", reason=reason)
    return shop


@EXAMPLES
@given(worlds())
def test_once_a_plan_is_followed_nothing_more_is_to_be_done(namespace: Any, drawn: Any) -> None:
    shop = made(namespace, drawn)
    shop.follow(make_checks_plan(shop.world()))
    again = make_checks_plan(shop.world())
    assert (again.statuses, again.forget, again.starts, again.happenings) == ({}, {}, (), ())
    assert {(body["kind"], body["metadata"]["name"]) for body in again.objects} == again.keep == set(shop.objects)


@EXAMPLES
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_stand_is_of_no_matter(namespace: Any, drawn: Any, order: random.Random) -> None:
    shop = made(namespace, drawn)
    assert make_checks_plan(shop.world(order)) == make_checks_plan(shop.world())


@EXAMPLES
@given(worlds())
def test_each_data_centre_of_a_check_has_the_prober_of_its_shard_and_there_are_no_others(
    namespace: Any, drawn: Any
) -> None:
    shop = made(namespace, drawn)
    shop.step()
    wanted = {(key, check.status["shard"]) for check in shop.checks.values() for key in check.status["dataCenters"]}
    found = set()
    for body in shop.found("CronJob"):
        args = body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
        found.add((args[args.index("--data-center") + 1], int(args[args.index("--shard") + 1])))
        assert args[args.index("--lease") + 1] == body["metadata"]["name"]
    assert found == wanted
    assert [body["metadata"]["name"] for body in shop.found("Lease")] == [
        body["metadata"]["name"] for body in shop.found("CronJob")
    ]


@EXAMPLES
@given(worlds(), st.sampled_from(HEALTHS))
def test_who_is_silent_or_no_longer_asked_has_no_vote(namespace: Any, drawn: Any, health: str) -> None:
    shop = made(namespace, drawn)
    before = make_checks_plan(shop.world())
    for name, check in shop.checks.items():
        mute = [*drawn["dead"], "gone/x", *(key for key in KEYS if key not in shop.nodes)]
        for entry in check.status.get("probes") or ():
            if entry["dataCenter"] in mute:
                shop.report(entry["dataCenter"], health, name, reason="Other Failure")
    after = make_checks_plan(shop.world())
    assert (after.statuses, after.happenings) == (before.statuses, before.happenings)


@EXAMPLES
@given(worlds())
def test_a_new_check_changes_nothing_of_the_others(namespace: Any, drawn: Any) -> None:
    shop = made(namespace, drawn)
    shop.step()
    before = {name: check.status for name, check in shop.checks.items()}
    shop.check("new", 999)
    shop.step(0)
    assert {name: shop.status(name) for name in before} == before


def test_a_first_check_is_probed_at_once(shop: Any) -> None:
    shop.step()
    assert len(shop.started) == 4
    shop.run(4)
    assert shop.condition("Ready") == ("True", "Probing")
    assert len(shop.started) == 4


def test_a_second_check_needs_no_run_of_its_own_and_no_other_template(probed: Any) -> None:
    before = {body["metadata"]["name"]: body["spec"] for body in probed.found("CronJob")}
    probed.started.clear()
    probed.check("second", 1)
    probed.run(3)
    assert probed.started == []
    assert {body["metadata"]["name"]: body["spec"] for body in probed.found("CronJob")} == before
    assert probed.status("second")["shard"] == 0


def test_after_most_checks_were_deleted_the_others_share_a_shard_and_nobody_loses_a_vote(shop: Any) -> None:
    del shop.checks["origin"]
    for i in range(120):
        shop.check(f"check-{i:03}", i)
    shop.run(5)
    for name in shop.checks:
        for key in shop.nodes:
            shop.report(key, check=name)
    shop.step()
    assert {shop.status(name)["shard"] for name in shop.checks} == {0, 1, 2}
    shop.checks = {name: check for i, (name, check) in enumerate(shop.checks.items()) if i % 4 == 0}
    shop.happenings.clear()
    for _ in range(10):
        moving = {name: shop.status(name)["shard"] for name in shop.checks}
        shop.step(10.0)
        assert sum(shop.status(name)["shard"] != shard for name, shard in moving.items()) <= MOST_MOVES
        assert {shop.status(name)["healthy"] for name in shop.checks} == {"3/3"}
    assert len({shop.status(name)["shard"] for name in shop.checks}) == 1
    assert len(shop.found("CronJob")) == len(shop.nodes)
    assert shop.happenings == []


def test_the_fifty_first_check_begins_another_shard(shop: Any) -> None:
    shop.checks.clear()
    for i in range(MOST_CHECKS + 1):
        shop.check(f"check-{i}", i)
    shop.step()
    assert len(shop.found("CronJob")) == 8
    assert {check.status["shard"] for check in shop.checks.values()} == {0, 1}


def test_a_pod_that_waits_for_a_node_keeps_others_from_being_made(shop: Any) -> None:
    shop.dead = {"us/a"}
    shop.step()
    name = next(name for name in shop.started if shop.place_of(name) == "us/a")
    label = naming.data_center_label("us/a")
    shop.pods.append(ProberPod("p", label, 0, shop.now, waiting=True))
    shop.run(200)
    assert shop.started.count(name) == 1


def test_a_data_centre_without_a_usable_node_is_not_asked_to_start(probed: Any) -> None:
    probed.nodes["us/a"] = replace(probed.nodes["us/a"], ready=False)
    probed.dead = {"us/a"}
    probed.started.clear()
    probed.run(100)
    assert probed.started == []
    assert probed.condition("Ready") == ("False", "DataCenterSilent")


def test_the_last_check_takes_everything_with_it(probed: Any) -> None:
    probed.checks.clear()
    probed.step()
    assert probed.objects == {}


def test_a_vanished_data_centre_takes_its_prober_and_its_entry_with_it(probed: Any) -> None:
    del probed.nodes["eu/b"]
    probed.step()
    assert "eu/b" not in probed.status()["dataCenters"]
    assert [entry["dataCenter"] for entry in probed.status()["probes"]] == ["eu/a", "us/a", "asia/a"]
    assert len(probed.found("CronJob")) == len(probed.found("ServiceAccount")) == 3
    assert probed.status()["status"] == "Healthy"


def test_where_no_node_has_the_labels_nothing_is_taken_away(probed: Any) -> None:
    objects, status = dict(probed.objects), dict(probed.status())
    nodes = dict(probed.nodes)
    probed.nodes.clear()
    probed.run(2)
    assert probed.objects == objects
    assert probed.condition("Ready") == ("False", "NoNodes")
    assert {**probed.status(), "conditions": 0} == {**status, "conditions": 0}
    probed.nodes.update(nodes)
    probed.step()
    assert probed.condition("Ready") == ("True", "Probing")


def test_a_suspended_check_is_probed_by_nobody(probed: Any) -> None:
    probed.check("origin", suspended=True)
    probed.step()
    assert probed.objects == {}
    assert probed.status()["status"] == "Suspended"
    assert not probed.status().get("probes")
    assert probed.condition("Ready") == ("True", "Suspended")
    assert probed.condition("Healthy") == ("Unknown", "Suspended")
    probed.check("origin")
    probed.run(5)
    assert probed.condition("Ready") == ("True", "Probing")
    assert probed.status()["status"] == "Unknown"


def test_the_next_look_is_when_a_lease_could_have_ended(probed: Any) -> None:
    assert 25 < probed.step().again_after <= 30.5
    probed.dead = {"us/a"}
    ends = min(lease.ends for lease in probed.leases.values())
    assert make_checks_plan(probed.world()).again_after <= ends - probed.now + 1


def test_where_there_is_no_time_for_all_new_checks_come_first_and_then_verdicts_that_stood_longest(
    namespace: Any,
) -> None:
    shop = namespace(checks={}, codes={})
    for name in ("early", "late", "same"):
        shop.check(name, len(shop.checks))
    shop.run(4)
    for name in ("early", "same"):
        for key in shop.nodes:
            shop.report(key, check=name)
    shop.run(3)
    for key in shop.nodes:
        shop.report(key, check="late")
    shop.run(3)
    assert shop.status("early")["lastChange"] < shop.status("late")["lastChange"]
    for name in ("late", "early"):
        for key in shop.nodes:
            shop.report(key, "Unhealthy", check=name, reason="TCP Timeout")
    shop.report("eu/a", "Unhealthy", check="same", reason="TCP Timeout")
    shop.check("aaa", 9)
    shop.report("us/a", "Unhealthy", check="same", reason="TCP Timeout")
    assert list(make_checks_plan(shop.world()).statuses) == ["aaa", "early", "late", "same"]

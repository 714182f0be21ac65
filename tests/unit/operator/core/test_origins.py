"""What health checks do to a zone: its state, assignment, condition and Events."""

from dataclasses import replace

import pytest

from shield_operator.core.assignment import HOLD_SECONDS
from shield_operator.core.conditions import condition
from shield_operator.core.planning import make_plan
from shield_operator.core.world import CheckHealth
from shield_proxy.config.fallbacks import in_use

EU = {"name": "eu", "address": "eu.example.com", "healthCheck": "shop-eu", "fallbacks": ["us"]}
US = {"name": "us", "address": "us.example.com", "healthCheck": "shop-us"}
GOOD, BAD = CheckHealth("Healthy"), CheckHealth("Unhealthy", "TCP Timeout")


@pytest.fixture
def checked(cluster, new_zone):
    """A settled zone of two origins with a healthy check each; `us` stands in for `eu`."""
    cluster.zones = {"shop": new_zone(origins=[EU, US])}
    cluster.checks = {"shop-eu": GOOD, "shop-us": GOOD}
    cluster.run(10)
    return cluster


def said(cluster):
    return condition(cluster.zones["shop"].status, "OriginsHealthy").get("message", "")


def serving(cluster):
    found = in_use(cluster.part().origins)
    return {name: who.name if who is not None else None for name, who in found.items()}


def test_pods_are_told_of_an_unhealthy_origin_in_the_next_plan_and_again_when_it_is_back(checked):
    assert serving(checked) == {"eu": "eu", "us": "us"}
    before = checked.part().generation
    checked.checks["shop-eu"] = BAD
    checked.step()
    assert serving(checked) == {"eu": "us", "us": "us"}
    assert checked.part().generation == checked.record.generation > before
    checked.checks["shop-eu"] = GOOD
    checked.step()
    assert serving(checked) == {"eu": "eu", "us": "us"}


@pytest.mark.parametrize("health", ["Unknown", "Suspended", "", "Sick"])
def test_what_is_not_known_is_not_unhealthy(checked, health):
    checked.checks["shop-eu"] = CheckHealth(health)
    checked.step()
    assert serving(checked)["eu"] == "eu"


def test_a_zone_without_checks_has_the_same_state_as_before_and_no_condition(served):
    (origin,) = served.part().origins
    assert (origin.check, origin.unhealthy) == (None, False)
    assert condition(served.zones["shop"].status, "OriginsHealthy") == {}


def test_an_operator_that_starts_anew_leaves_an_unhealthy_origin_as_it_is(checked):
    checked.checks["shop-eu"] = BAD
    checked.step()
    generation, told = checked.part().generation, len(checked.happenings)
    checked.memory = type(checked.memory)()
    checked.run(3)
    assert (checked.part().generation, serving(checked)["eu"]) == (generation, "us")
    assert checked.happenings[told:] == []


def test_a_zone_whose_new_spec_is_refused_still_follows_its_checks(checked):
    checked.change(origins=[EU, US], fleet="Not A Fleet")
    checked.checks["shop-eu"] = BAD
    checked.run(2)
    assert checked.condition("Ready")[1] == "InvalidSpec"
    assert serving(checked)["eu"] == "us"


def test_a_paused_zone_stays_as_it_is_and_says_how_its_origins_are(checked):
    checked.change(origins=[EU, US], paused=True)
    checked.checks["shop-eu"] = BAD
    checked.run(2)
    assert serving(checked)["eu"] == "eu"
    assert checked.condition("OriginsHealthy") == ("False", "OriginUnhealthy")
    assert said(checked) == "eu: check shop-eu is Unhealthy: TCP Timeout; it is asked all the same"


def test_the_condition_counts_healthy_origins(checked):
    assert checked.condition("OriginsHealthy") == ("True", "Healthy")
    assert said(checked) == "2 of 2 checked origins are healthy"


def test_the_condition_names_who_is_unhealthy_why_and_who_serves_instead(checked):
    checked.checks["shop-eu"] = BAD
    checked.step()
    assert checked.condition("OriginsHealthy") == ("False", "OriginUnhealthy")
    assert said(checked) == "eu: check shop-eu is Unhealthy: TCP Timeout; us serves instead"
    checked.checks["shop-us"] = BAD
    checked.step()
    assert said(checked) == (
        "eu: check shop-eu is Unhealthy: TCP Timeout; it is asked all the same; "
        "us: check shop-us is Unhealthy: TCP Timeout; it is asked all the same"
    )


def test_the_condition_says_that_requests_are_refused(checked):
    checked.change(origins=[EU, {**US, "whenUnhealthy": "Refuse"}])
    checked.checks["shop-us"] = BAD
    checked.run(2)
    assert said(checked) == "us: check shop-us is Unhealthy: TCP Timeout; requests for it are refused"


def test_a_check_that_does_not_exist_is_told_and_changes_nothing(checked):
    del checked.checks["shop-us"]
    checked.step()
    assert checked.condition("OriginsHealthy") == ("False", "CheckNotFound")
    assert said(checked) == "us: there is no HealthCheck shop-us"
    assert serving(checked) == {"eu": "eu", "us": "us"}
    checked.checks["shop-eu"] = BAD
    checked.step()
    assert checked.condition("OriginsHealthy") == ("False", "OriginUnhealthy")
    assert said(checked).endswith("us serves instead; us: there is no HealthCheck shop-us")


@pytest.mark.parametrize(("health", "reason"), [("Unknown", "CheckUnknown"), ("Suspended", "CheckSuspended")])
def test_the_condition_is_unknown_while_a_check_is(checked, health, reason):
    checked.checks["shop-eu"] = CheckHealth(health)
    checked.step()
    assert checked.condition("OriginsHealthy") == ("Unknown", reason)
    assert said(checked) == f"eu: check shop-eu is {health}"


def test_a_message_names_a_few_of_many(cluster, new_zone):
    origins = [{"name": f"o{i}", "address": "o.example.com", "healthCheck": f"gone-{i}"} for i in range(32)]
    cluster.zones = {"shop": new_zone(origins=origins)}
    cluster.run(2)
    assert said(cluster).endswith("o5: there is no HealthCheck gone-5, and 26 more")


def test_a_zone_is_ready_however_its_origins_are(checked):
    for health in (BAD, CheckHealth("Unknown")):
        checked.checks = {"shop-eu": health, "shop-us": health}
        checked.run(3)
        assert checked.condition("Ready") == ("True", "Serving")
        assert checked.condition("Degraded") == ("False", "Complete")


def test_each_change_is_told_once(checked):
    checked.happenings.clear()
    checked.checks["shop-eu"] = BAD
    checked.run(3)
    assert checked.happenings == [("shop", "OriginUnhealthy")]
    checked.checks["shop-eu"] = replace(BAD, reason="TCP connection failed")
    checked.run(3)
    assert checked.happenings == [("shop", "OriginUnhealthy")]
    checked.checks["shop-eu"] = GOOD
    checked.run(3)
    assert checked.happenings == [("shop", "OriginUnhealthy"), ("shop", "OriginHealthy")]


def test_who_loses_its_stand_in_is_told_too(checked):
    checked.checks["shop-eu"] = BAD
    checked.step()
    checked.checks["shop-us"] = BAD
    (first, second) = (e for e in make_plan(checked.world()).happenings if e.reason == "OriginUnhealthy")
    assert first.message == "eu: check shop-eu is Unhealthy: TCP Timeout; it is asked all the same"
    assert second.message.startswith("us: ")
    assert {first.type, second.type} == {"Warning"}


def test_a_check_that_goes_or_falls_silent_is_told(checked):
    checked.checks["shop-eu"] = BAD
    checked.step()
    checked.happenings.clear()
    checked.checks["shop-eu"] = CheckHealth("Unknown")
    checked.run(2)
    del checked.checks["shop-eu"]
    checked.run(2)
    assert checked.happenings == [("shop", "OriginHealthUnknown"), ("shop", "CheckNotFound")]


def test_an_unhealthy_origin_keeps_its_upper_tier_whatever_is_measured(checked):
    before = checked.order(backend="eu")
    assert before == ("eu/a", "eu/b")
    checked.checks["shop-eu"] = BAD
    checked.milliseconds = {"eu/a": None, "eu/b": None, "us/a": 1.0, "us/b": 2.0}
    checked.run(int(HOLD_SECONDS) + 10)
    assert checked.order(backend="eu") == before
    assert checked.upper(backend="eu")["reason"] == "Measured"
    assert checked.order(backend="us")[0] == "us/a"
    assert ("uid-shop", "eu") not in checked.memory.challenges


def test_after_an_outage_measurements_count_once_all_were_made_anew(checked):
    checked.checks["shop-eu"] = BAD
    checked.milliseconds = dict.fromkeys(checked.milliseconds)
    checked.run(5)
    checked.checks["shop-eu"] = GOOD
    checked.milliseconds["us/a"] = 80.0  # The first who has connected again.
    checked.run(10)
    checked.milliseconds = {"eu/a": 5.0, "eu/b": 9.0, "us/a": 80.0, "us/b": 90.0}
    checked.run(int(HOLD_SECONDS))
    assert checked.order(backend="eu") == ("eu/a", "eu/b")
    assert checked.memory.unhealthy_at == {}
    checked.milliseconds = {"eu/a": 50.0, "eu/b": 9.0, "us/a": 80.0, "us/b": 90.0}
    checked.run(int(HOLD_SECONDS) + 3)
    assert checked.order(backend="eu")[0] == "eu/b"


def test_a_data_centre_that_goes_takes_the_upper_tier_of_an_unhealthy_origin_with_it(checked):
    checked.checks["shop-eu"] = BAD
    checked.step()
    del checked.nodes["node-eu/a"]
    checked.run(3)
    assert checked.order(backend="eu")[0] == "eu/b"


def test_an_origin_that_is_unhealthy_from_the_start_is_assigned_by_what_is_measured(cluster, new_zone):
    cluster.zones = {"shop": new_zone(origins=[EU, US])}
    cluster.checks = {"shop-eu": BAD, "shop-us": GOOD}
    cluster.run(10)
    assert cluster.order(backend="eu") == ("eu/a", "eu/b")
    assert cluster.condition("Ready") == ("True", "Serving")
    assert serving(cluster)["eu"] == "us"


def test_a_check_that_is_named_no_more_changes_the_state_without_an_event(checked):
    checked.checks["shop-eu"] = BAD
    checked.step()
    checked.happenings.clear()
    checked.change(origins=[{"name": "eu", "address": "eu.example.com"}, US])
    checked.run(3)
    assert serving(checked)["eu"] == "eu"
    assert checked.happenings == []
    assert checked.condition("OriginsHealthy") == ("True", "Healthy")

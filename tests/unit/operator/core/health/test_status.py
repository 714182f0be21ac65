"""What the operator says of a check: verdict, reason, conditions, and the Events of what changed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shield_proxy.config.checks.reasons import Reason

ROOT = Path(__file__).resolve().parents[5]
CODES = "Response code mismatch error"
DETAIL = "expected 200, got 503"


def fail(shop: Any, *keys: str, reason: str = CODES, detail: str = DETAIL) -> None:
    for key in keys:
        shop.report(key, "Unhealthy", reason=reason, detail=detail, code=503)


def test_before_anybody_reports_nothing_is_known(shop: Any) -> None:
    shop.step()
    status = shop.status()
    assert (status["status"], status["healthy"], len(status["id"])) == ("Unknown", "0/3", 32)
    assert shop.condition("Healthy") == ("Unknown", "NotReported")
    assert shop.condition("Ready") == ("False", "Starting")
    assert status["dataCenters"] == ["asia/a", "eu/a", "eu/b", "us/a"]


def test_what_all_report_is_the_verdict(probed: Any) -> None:
    status = probed.status()
    assert (status["status"], status["healthy"], status["roundTrip"]) == ("Healthy", "3/3", "20ms")
    assert "failureReason" not in status
    assert probed.condition("Healthy") == ("True", "Healthy")


def test_it_says_when_the_spec_last_changed(probed: Any) -> None:
    made = probed.checks["origin"].created
    probed.run(3)
    assert probed.status()["modified"] == made < probed.status()["lastChange"]
    probed.check(interval=30)
    probed.step()
    changed = probed.status()["modified"]
    probed.run(3)
    assert made < probed.status()["modified"] == changed


def test_one_of_three_regions_that_fails_shows_in_the_regions_alone(probed: Any) -> None:
    fail(probed, "us/a")
    probed.step()
    assert (probed.status()["status"], probed.status()["healthy"]) == ("Healthy", "2/3")
    assert {"name": "us", "health": "Unhealthy"} in probed.status()["regions"]
    assert probed.happenings == [("origin", "RegionUnhealthy")]
    assert probed.messages == [f"us: us/a: {CODES}: {DETAIL}"]


def test_two_of_three_make_it_unhealthy_with_where_what_was_expected_and_what_came(probed: Any) -> None:
    fail(probed, "us/a", "asia/a")
    probed.step()
    status = probed.status()
    assert (status["status"], status["failureReason"], status["healthy"]) == ("Unhealthy", CODES, "1/3")
    assert probed.condition("Healthy") == ("False", "ResponseCodeMismatchError")
    assert probed.full_condition("Healthy")["message"] == f"asia/a: {CODES}: {DETAIL}; unhealthy in 2 of 3 regions"
    assert ("origin", "Unhealthy") in probed.happenings


def test_once_it_is_healthy_again_it_says_so_once(probed: Any) -> None:
    fail(probed, "us/a", "asia/a")
    probed.run(3)
    changed = probed.status()["lastChange"]
    probed.happenings.clear()
    for key in probed.nodes:
        probed.report(key)
    probed.step()
    probed.step()
    assert probed.happenings.count(("origin", "Healthy")) == 1
    assert probed.status()["lastChange"] > changed


@pytest.mark.parametrize("reason", Reason)
def test_each_of_the_17_reasons_is_a_conditions_reason(probed: Any, reason: Reason) -> None:
    fail(probed, *probed.nodes, reason=str(reason))
    probed.step()
    assert probed.condition("Healthy") == ("False", reason.condition)
    assert probed.status()["failureReason"] == reason


def test_a_reason_that_is_none_is_another_failure(probed: Any) -> None:
    fail(probed, *probed.nodes, reason="<script>")
    probed.step()
    assert probed.condition("Healthy") == ("False", "OtherFailure")


def test_a_tie_of_data_centres_leaves_the_region_as_it_was(probed: Any) -> None:
    fail(probed, "eu/a")
    probed.step()
    assert {"name": "eu", "health": "Healthy"} in probed.status()["regions"]
    fail(probed, "eu/b")
    probed.step()
    assert {"name": "eu", "health": "Unhealthy"} in probed.status()["regions"]


def test_who_falls_silent_loses_its_vote_and_is_named(probed: Any) -> None:
    fail(probed, "us/a", "asia/a")
    probed.step()
    probed.dead = {"us/a"}
    probed.run(40)
    assert probed.status()["status"] == "Unhealthy"  # one to one: as it was
    assert {"name": "us", "health": "Unknown"} in probed.status()["regions"]
    assert probed.condition("Ready") == ("False", "DataCenterSilent")
    assert "us/a" in probed.full_condition("Ready")["message"]
    assert probed.status()["silent"] == ["us/a"]
    probed.dead = {"us/a", "asia/a"}
    probed.run(40)
    assert probed.status()["silent"] == ["asia/a", "us/a"]
    assert probed.status()["status"] == "Healthy"
    probed.dead = set(probed.nodes)
    probed.run(40)
    assert probed.status()["status"] == "Unknown"
    assert ("origin", "HealthUnknown") in probed.happenings


def test_a_silent_prober_is_replaced(probed: Any) -> None:
    probed.started.clear()
    probed.dead = {"us/a"}
    probed.run(35)
    probed.dead = set()
    probed.run(70)
    assert probed.condition("Ready") == ("True", "Probing")
    assert len(probed.started) in (1, 2)


def test_who_waits_for_healthy_after_an_edit_waits_for_probes_by_the_new_spec(probed: Any) -> None:
    probed.check("origin", address="other.example.com")
    probed.step()
    assert probed.full_condition("Healthy")["observedGeneration"] == 1
    for key in probed.nodes:
        probed.report(key)
    probed.step()
    assert probed.full_condition("Healthy")["observedGeneration"] == 2


def test_a_spec_that_cant_be_honoured_is_named_and_still_has_probers_who_say_so(shop: Any) -> None:
    shop.check("origin", timeout=60)
    shop.run(5)
    assert shop.condition("Ready") == ("False", "InvalidSpec")
    assert shop.full_condition("Ready")["message"].startswith("spec.timeout: must be less than the interval")
    assert len(shop.found("CronJob")) == 4


def test_an_unknown_region_is_named(shop: Any) -> None:
    shop.check("origin", checkRegions=["eu", "mars"])
    shop.run(5)
    assert shop.condition("Ready") == ("False", "UnknownRegion")
    assert "spec.checkRegions[1]" in shop.full_condition("Ready")["message"]
    assert shop.status()["dataCenters"] == ["eu/a", "eu/b"]
    assert ("origin", "UnknownRegion") in shop.happenings


def test_what_the_api_server_refuses_is_told(probed: Any) -> None:
    name = probed.found("CronJob")[0]["metadata"]["name"]
    probed.refusals = {("CronJob", name): "exceeded quota"}
    probed.step()
    assert probed.condition("Ready") == ("False", "ProbersRefused")
    assert "exceeded quota" in probed.full_condition("Ready")["message"]


def test_the_round_trip_is_that_of_the_decision(probed: Any) -> None:
    for key in probed.nodes:
        probed.report(key, roundTripMilliseconds=99.0)
    probed.step()
    assert probed.status()["roundTrip"] == "20ms"
    fail(probed, *probed.nodes)
    probed.step()
    assert "roundTrip" not in probed.status()


@pytest.mark.parametrize(("milliseconds", "said"), [(0.1234, "0.123ms"), (123.456, "123ms"), (4321.0, "4320ms")])
def test_a_round_trip_has_three_digits(shop: Any, milliseconds: float, said: str) -> None:
    shop.run(5)
    shop.report("eu/a", roundTripMilliseconds=milliseconds)
    shop.step()
    assert shop.status()["roundTrip"] == said


@pytest.mark.parametrize(
    "probes",
    [
        "text",
        [1, None, "x"],
        [{"health": "Healthy"}],
        [{"dataCenter": 7, "health": "Healthy"}],
        [{"dataCenter": "eu/a", "health": ["Healthy"]}],
        [{"dataCenter": "eu/a", "health": "Healthy", "roundTripMilliseconds": "x", "observedGeneration": "y"}],
    ],
)
def test_a_malformed_status_is_no_fault(shop: Any, probes: Any) -> None:
    shop.run(5)
    shop._set("origin", {**shop.status(), "probes": probes, "regions": probes, "shard": "x"})
    shop.step()
    assert shop.status()["shard"] == 0


def test_nothing_changes_in_a_status_while_nothing_happens(probed: Any) -> None:
    before = probed.status()
    plan = probed.run(60)
    assert probed.status() == before
    assert plan.statuses == {}
    assert probed.happenings == []


def test_what_the_operator_writes_is_in_the_schema(probed: Any) -> None:
    (version,) = yaml.safe_load((ROOT / "crds" / "healthchecks.yaml").read_text("utf-8"))["spec"]["versions"]
    known = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    checked = {**known, "additionalProperties": False}
    for step in ("healthy", "unhealthy", "silent", "suspended"):
        if step == "unhealthy":
            fail(probed, *probed.nodes)
        if step == "silent":
            probed.dead = set(probed.nodes)
            probed.run(40)
        if step == "suspended":
            probed.check("origin", suspended=True)
        probed.step()
        jsonschema.Draft202012Validator(checked).validate(json.loads(json.dumps(probed.status())))

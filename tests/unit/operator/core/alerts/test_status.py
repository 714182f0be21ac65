"""What the operator says of an alert: conditions, figures, Events; within the schema, and within etcd's bounds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shield_operator.core.alerts.deciding import MOST_TOLD
from shield_operator.core.alerts.planning import make_alerts_plan
from shield_proxy.config.alerts.contract import COURIER, KEEP_SECONDS, MOST_NOTIFICATIONS
from shield_proxy.config.alerts.notification import TargetStatus

ROOT = Path(__file__).resolve().parents[5]
MOST_BYTES = 1_000_000
"""Of a status, with what the API server notes of its owners on top: etcd takes 1.5 MB."""


def schema() -> Any:
    crd = yaml.safe_load((ROOT / "crds" / "healthalerts.yaml").read_text("utf-8"))
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]


def test_an_alert_that_works_says_how_many_checks_it_covers(street: Any) -> None:
    assert street.condition() == ("True", "Watching")
    assert street.full_condition()["message"] == "covers 2 checks"
    assert street.condition("DeliveryFailing") == ("False", "Delivering")
    status = street.alerts["down"].status
    assert (status["matched"], status["failing"], status["observedGeneration"]) == (2, 0, 1)
    assert ("down", "Watching") in street.happenings


def test_nothing_is_written_while_nothing_happens(street: Any) -> None:
    for _ in range(5):
        street.now += 1000
        plan = street.plan()
        assert plan.statuses == {}
        assert plan.happenings == ()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"targets": []}, "spec.targets"),
        ({"trigger": "Never"}, "spec.trigger"),
        ({"maintenanceWindows": "always"}, "spec.maintenanceWindows"),
        ({"checks": {"selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}}, "operator"),
    ],
)
def test_what_can_t_be_honoured_is_named_and_what_was_told_is_kept(street: Any, spec: Any, words: str) -> None:
    street.verdicts["origin"] = "Unhealthy"
    street.settle()
    street.edit(**spec)
    street.verdicts.update(origin="Healthy", database="Unhealthy")
    street.step()
    assert street.condition() == ("False", "InvalidSpec")
    assert words in street.full_condition()["message"]
    assert street.told() == ["origin"]
    assert street.queue() == ()
    assert ("down", "InvalidSpec") in street.happenings
    street.edit()
    street.settle()
    assert street.condition() == ("True", "Watching")
    assert sorted(street.heard()[1:]) == [("database", "START"), ("origin", "END")]


NIGHT = {"at": "00:00", "minutes": 1440}
WRONG = [
    ({**NIGHT, "timeZone": "Mars/Olympus"}, "timeZone: is no time zone: 'Mars/Olympus'"),
    ({**NIGHT, "timeZone": "Europe"}, "timeZone: is no time zone: 'Europe'"),
    ({"start": "2026-05-01T02:00:00", "end": "2036-05-01T03:00:00Z"}, "start: must be a time such as"),
    ({"start": "2026-05-01T02:00:00Z", "end": "2026-05-01T02:00:00Z"}, "end: must be later than start"),
]


@pytest.mark.parametrize(("window", "problem"), WRONG)
def test_a_window_that_can_t_be_understood_is_ignored_and_named(street: Any, window: Any, problem: str) -> None:
    street.edit(maintenanceWindows=[{"at": "02:00", "minutes": 5}, window])
    street.verdicts["origin"] = "Unhealthy"
    street.settle()
    assert street.heard() == [("origin", "START")]
    assert street.condition() == ("False", "WindowIgnored")
    message = street.full_condition()["message"]
    assert message.startswith(f"spec.maintenanceWindows[1].{problem}")
    assert message.endswith("; this window is ignored: what happens in it is told")
    assert ("down", "WindowIgnored") in street.happenings
    street.verdicts["origin"] = "Healthy"
    street.edit()
    street.settle()
    assert street.condition() == ("True", "Watching")
    assert street.heard() == [("origin", "START"), ("origin", "END")]


def test_beside_a_window_that_is_ignored_the_others_hold(street: Any) -> None:
    wrong = {**NIGHT, "timeZone": "Mars/Olympus"}
    street.edit(maintenanceWindows=[wrong, {"at": "14:00", "minutes": 30}, wrong, wrong])
    street.verdicts["origin"] = "Unhealthy"
    street.settle()
    assert street.heard() == []
    assert street.condition() == ("False", "WindowIgnored")
    assert "this window is ignored, and so are 2 more: " in street.full_condition()["message"]
    street.now += 1800
    street.settle()
    assert street.heard() == [("origin", "START")]


def test_checks_that_do_not_exist_are_named_and_the_others_are_told(street: Any) -> None:
    street.edit(checks={"names": ["origin", "gone", *(f"x-{i}" for i in range(9))]})
    street.verdicts["origin"] = "Unhealthy"
    street.settle()
    assert street.condition() == ("False", "ChecksMissing")
    message = street.full_condition()["message"]
    assert message == "spec.checks.names: there is no check gone, x-0, x-1, x-2, x-3, x-4 and 4 more"
    assert street.heard() == [("origin", "START")]


@pytest.mark.parametrize(
    ("checks", "matched"),
    [
        (None, 3),
        ({"names": ["origin"]}, 1),
        ({"selector": {"matchLabels": {"team": "shop"}}}, 1),
        ({"names": ["origin"], "selector": {"matchLabels": {"team": "shop"}}}, 2),
        ({"selector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]}}, 2),
        ({"selector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}, 1),
        ({"selector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}, 2),
        ({"selector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["shop", "x"]}]}}, 1),
        ({"selector": {}}, 3),
        ({"selector": {"matchLabels": {"team": "other"}}}, 0),
    ],
)
def test_checks_are_covered_by_name_and_by_label(street: Any, checks: Any, matched: int) -> None:
    street.check("labelled", team="shop")
    street.edit(**({"checks": checks} if checks else {}))
    street.step()
    assert street.alerts["down"].status["matched"] == matched
    assert street.condition() == ("True", "Watching")


def test_until_a_courier_runs_it_says_so_and_nothing_is_lost(street: Any) -> None:
    street.delivering = False
    street.verdicts["origin"] = "Unhealthy"
    street.step()
    assert street.condition() == ("False", "CourierStarting")
    assert [each.check for each in street.queue()] == ["origin"]
    street.trouble = "ErrImagePull: no such image"
    street.step()
    assert street.condition() == ("False", "CourierFailing")
    assert street.full_condition()["message"].endswith("does not start: ErrImagePull: no such image")
    assert ("down", "CourierFailing") in street.happenings
    street.refusals = {("Deployment", COURIER): "exceeded quota"}
    street.step()
    assert street.condition() == ("False", "ObjectsRefused")
    assert street.full_condition()["message"] == f"Deployment {COURIER}: exceeded quota"
    street.delivering, street.refusals = True, {}
    street.settle()
    assert street.condition() == ("True", "Watching")


def test_a_target_that_fails_is_told_once_and_so_is_its_recovery(street: Any, hook: Any, mail: Any) -> None:
    street.edit(targets=[hook, mail])
    street.broken = {"mail"}
    street.verdicts["origin"] = "Unhealthy"
    for _ in range(5):
        street.step()
        street.courier()
    assert street.condition("DeliveryFailing") == ("True", "TargetFails")
    assert street.full_condition("DeliveryFailing")["message"] == "mail: refused"
    assert street.condition() == ("True", "Watching")
    assert street.happenings.count(("down", "DeliveryFailing")) == 1
    street.broken = set()
    street.settle()
    assert street.condition("DeliveryFailing") == ("False", "Delivering")
    assert ("down", "DeliveryRecovered") in street.happenings


def test_a_target_that_was_taken_out_of_the_spec_fails_no_more(street: Any, hook: Any, mail: Any) -> None:
    street.edit(targets=[hook, mail])
    street.broken = {"mail"}
    street.verdicts["origin"] = "Unhealthy"
    street.step()
    street.courier()
    street.step()
    street.edit(targets=[hook])
    street.step()
    assert street.condition("DeliveryFailing") == ("False", "Delivering")
    assert street.queue() == ()


def test_the_last_delivery_of_any_target_is_shown(street: Any, hook: Any, mail: Any) -> None:
    assert "lastDelivery" not in street.alerts["down"].status
    street.edit(targets=[hook, mail])
    street.broken = {"mail"}
    street.verdicts["origin"] = "Unhealthy"
    street.step()
    street.now += 7
    street.courier()
    street.step()
    told = street.alerts["down"].status
    assert told["lastDelivery"] == told["targets"][0]["lastDelivery"]["time"]


def test_each_change_is_an_event(street: Any) -> None:
    street.verdicts["origin"] = "Unhealthy"
    street.settle()
    street.verdicts["origin"] = "Healthy"
    street.ask_for_test("t")
    street.settle()
    reasons = [reason for _, reason in street.happenings]
    assert reasons.count("AlertStarted") == reasons.count("AlertEnded") == reasons.count("TestQueued") == 1
    assert "origin is unhealthy: TCP connection failed" in street.messages


def test_whatever_stands_in_a_status_that_others_wrote_can_be_read(street: Any) -> None:
    for garbage in (
        {"unhealthy": 3, "notifications": "x", "targets": {}},
        {"unhealthy": [None, {"uid": 4}, {"uid": "u", "since": 5}], "notifications": [{}, {"id": "x"}], "targets": [7]},
        {"notifications": [{"id": "x", "event": "START", "correlationId": "c", "time": "yesterday"}]},
        {"watchingSince": 3, "lastTest": {}, "lastDelivery": [], "conditions": "none"},
    ):
        street.alerts["down"] = replace(street.alerts["down"], status=garbage)
        street.settle()
        assert street.condition() == ("True", "Watching")
        jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(street.alerts["down"].status)))


def test_the_largest_status_is_in_the_schema_and_fits(new_street: Any, hook: Any) -> None:
    street = new_street()
    targets = [{**hook, "name": f"target-{i}"} for i in range(10)]
    street.edit(targets=targets, trigger="Healthy")
    for i in range(MOST_TOLD + 50):
        street.check(f"{i:04}-" + "n" * 58)
    street.step()
    street.broken = {target["name"] for target in targets}
    street.verdicts = dict.fromkeys(street.verdicts, "Unhealthy")
    street.step()
    assert len(street.told()) == MOST_TOLD
    for check in list(street.checks.values()):
        conditions = [{"type": "Healthy", "message": "\N{SNOWMAN}" * 4000}]
        regions = [{"name": "r" * 63, "health": "Unhealthy"}] * 64
        status = {**check.status, "status": "Healthy", "conditions": conditions, "regions": regions}
        street.checks[check.name] = replace(check, status=status)
        street.verdicts[check.name] = "Healthy"
    street.step()
    assert len(street.queue()) == MOST_NOTIFICATIONS
    street.edit(targets=targets)
    street.verdicts = dict.fromkeys(street.verdicts, "Unhealthy")
    street.step()
    settled = tuple(each.id for each in street.queue())
    entries = [TargetStatus(target["name"], settled[1:], given_up=settled[1:]).to_json() for target in targets]
    status = {**street.alerts["down"].status, "targets": entries}
    jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(status)))
    assert len(street.queue()) == MOST_NOTIFICATIONS
    assert len(json.dumps(status, ensure_ascii=False).encode()) < MOST_BYTES


def test_what_is_too_old_leaves_also_when_all_is_quiet(street: Any) -> None:
    street.broken = {"hook"}
    street.ask_for_test("t")
    street.step()
    street.now += KEEP_SECONDS
    assert make_alerts_plan(street.world()).statuses

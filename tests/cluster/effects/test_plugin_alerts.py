"""`kubectl smartshield alert test` on a real API server, with the operator and a courier at work."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from alertspace import Alarm
from bareapi import own_address
from checkspace import Shop
from courierprocess import Hook, StartCourier
from operatorprocess import Running
from person import Person
from product.polling import poll
from shield_proxy.config.alerts.contract import ANNOTATION_TEST

Start = Callable[[], Running]


def webhook(name: str, url: str) -> dict[str, Any]:
    return {"name": name, "webhook": {"url": url}}


@pytest.mark.usefixtures("policy")
def test_an_alert_is_tested_and_each_target_told_apart(
    start: Start, alarm: Alarm, person: Person, hook: Hook, start_courier: StartCourier
) -> None:
    start()
    alarm.add(targets=[webhook("ops", hook.url)])
    start_courier()
    here = ("-n", alarm.shop.space)
    shown = person.says("alert", "test", "down", *here)
    assert "ops      webhook   Delivered   -" in shown
    ((_, taken),) = hook.taken
    assert "test" in taken["text"].lower()

    with socket.socket() as nobody:
        nobody.bind((own_address(), 0))
        gone = f"http://{own_address()}:{nobody.getsockname()[1]}/in"
        alarm.edit(targets=[webhook("ops", hook.url), webhook("gone", gone)])
        told = json.loads(person.says("alert", "test", "down", *here, "-o", "json", status=1).partition("\nnot")[0])
    assert (told["kind"], told["delivered"]) == ("AlertTestReport", False)
    outcomes = {each["name"]: each for each in told["targets"]}
    assert outcomes["ops"]["outcome"] == "Delivered"
    assert "refused" in outcomes["gone"]["error"].lower()
    assert len(hook.taken) == 2


def test_a_test_that_nobody_takes_up_is_told_as_that(alarm: Alarm, person: Person) -> None:
    alarm.add()
    shown = person.says("alert", "test", "down", "-n", alarm.shop.space, "--timeout=2", status=1)
    assert "Pending" in shown
    assert "the operator has not taken the test up within 2 s: is it running?" in shown


def refuse(alarm: Alarm, reason: str, message: str) -> None:
    """The operator says that nothing is told of the alert."""
    at = "2026-01-01T00:00:00Z"
    ready = {"type": "Ready", "status": "False", "reason": reason, "message": message, "observedGeneration": 1}
    alarm.shop.api.merge(
        alarm.path("down", "status"), {"status": {"conditions": [{**ready, "lastTransitionTime": at}]}}
    )


def asked(alarm: Alarm) -> bool:
    notes = alarm.shop.api.call("GET", alarm.path())["metadata"].get("annotations") or {}
    return ANNOTATION_TEST in notes


def test_an_alert_that_tells_nothing_is_not_tested(alarm: Alarm, person: Person) -> None:
    alarm.add()
    refuse(alarm, "InvalidSpec", "spec.targets[0]: can't be")
    words = ("alert", "test", "down", "-n", alarm.shop.space)
    assert person.says(*words, status=2) == "error: spec.targets[0]: can't be\n"
    assert not asked(alarm)


def test_an_alert_that_turns_out_to_tell_nothing_is_not_waited_for(alarm: Alarm, person: Person) -> None:
    alarm.add()
    with person.begins("alert", "test", "down", "-n", alarm.shop.space) as running:
        poll("it is asked for", lambda: asked(alarm), 30, 0.1)
        refuse(alarm, "TooManyTargets", "nothing is told: too many")
        shown, told = running.communicate(timeout=30)
    assert (running.returncode, shown, told) == (2, "", "error: nothing is told: too many\n")


def test_an_alert_that_is_not_there_and_a_missing_right_are_told(shop: Shop, person: Person) -> None:
    shown = person.says("alert", "test", "down", "-n", shop.space, status=2)
    missing = f"error: there is no HealthAlert down in namespace {shop.space}."
    assert shown == f"{missing} See: kubectl get healthalerts -n {shop.space}\n"
    shown = person.says("alert", "test", "down", "-n", shop.space, "--as=bob", status=2)
    assert shown.startswith(f"error: bob has no right to get healthalerts in {shop.space}.")

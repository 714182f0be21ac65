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


def test_an_alert_that_is_not_there_and_a_missing_right_are_told(shop: Shop, person: Person) -> None:
    shown = person.says("alert", "test", "down", "-n", shop.space, status=2)
    missing = f"error: there is no HealthAlert down in namespace {shop.space}."
    assert shown == f"{missing} See: kubectl get healthalerts -n {shop.space}\n"
    shown = person.says("alert", "test", "down", "-n", shop.space, "--as=bob", status=2)
    assert shown.startswith(f"error: bob has no right to get healthalerts in {shop.space}.")

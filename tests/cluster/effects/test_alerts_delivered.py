"""From what probers report to what a receiver gets: operator and courier as processes, each with its rights there."""

import signal
import time
from collections.abc import Callable

import pytest

from alertspace import Alarm
from checkspace import PLACES, Shop
from courierprocess import Hook, StartCourier
from operatorprocess import Running
from product.polling import poll

Start = Callable[[], Running]
START, END = "ALERT_STATE_EVENT_START", "ALERT_STATE_EVENT_END"


def report(shop: Shop, health: str, *names: str) -> None:
    """All data centres say so of these checks."""
    why = {"reason": "TCP connection failed", "detail": "refused"} if health == "Unhealthy" else {}
    for key in PLACES:
        shop.renew(key)
        for name in names:
            shop.report(key, health, name=name, **why)


def watched(shop: Shop, alarm: Alarm, hook: Hook, *names: str) -> None:
    """Healthy checks and an alert over them."""
    for name in names:
        shop.add(name)
    shop.probed()
    report(shop, "Healthy", *names)
    alarm.add(targets=[{"name": "hook", "webhook": {"url": hook.url}}])
    for name in names:
        poll("it is healthy", lambda name=name: shop.status(name).get("status") == "Healthy", 20)
    poll("it is watched", lambda: alarm.status().get("matched") == len(names), 20)


@pytest.mark.usefixtures("policy")
def test_a_failure_and_its_end_arrive_within_seconds(
    start: Start, shop: Shop, alarm: Alarm, hook: Hook, start_courier: StartCourier
) -> None:
    start()
    watched(shop, alarm, hook, "origin")
    start_courier()
    poll("the alert is ready", lambda: alarm.condition() == ("True", "Watching"), 20)
    for health, count in (("Unhealthy", 1), ("Healthy", 2)):
        began = time.monotonic()
        report(shop, health, "origin")
        poll("it has arrived", lambda count=count: len(hook.taken) == count, 20, 0.05)
        assert hook.taken[-1][0] - began < 5
    assert hook.told() == [("origin", START), ("origin", END)]
    (_, first), (_, second) = hook.taken
    assert first["alert_correlation_id"] == second["alert_correlation_id"]
    poll("nothing waits", lambda: not alarm.queue(), 10)
    assert "lastError" not in alarm.status()["targets"][0]


@pytest.mark.usefixtures("policy")
def test_whatever_is_killed_each_failure_arrives_once(
    start: Start, shop: Shop, alarm: Alarm, hook: Hook, start_courier: StartCourier
) -> None:
    names = [f"check-{i}" for i in range(8)]
    first = start()
    watched(shop, alarm, hook, *names)
    courier = start_courier()
    report(shop, "Unhealthy", *names[:4])
    first.signal(signal.SIGKILL)
    first.process.wait(10)
    courier.terminate()
    courier.wait(20)
    report(shop, "Unhealthy", *names)
    start()
    poll("all is told", shop.heard(lambda: alarm.status()["failing"] == len(names)), 60)
    start_courier()
    poll("all have arrived", lambda: {check for check, _ in hook.told()} == set(names), 30)
    poll("nothing waits", lambda: not alarm.queue(), 20)
    assert sorted(hook.told()) == [(name, START) for name in names]
    assert len({body["data"]["notification_id"] for _, body in hook.taken}) == len(names)

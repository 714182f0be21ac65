"""What a user wants to hear of an alert: what it tells, what was lost, and that it works or does not. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.alerts.deciding import Decision
from shield_operator.core.alerts.status import DELIVERY_FAILING, named
from shield_operator.core.alerts.world import AlertObject
from shield_operator.core.conditions import READY, condition
from shield_operator.core.happenings import NORMAL, WARNING, Said
from shield_operator.core.plan import Happening
from shield_proxy.config.alerts.notification import Event

PASSING = ("CourierStarting", "QueueFull")
"""Reasons of Ready that pass by themselves, and that the condition tells of well enough."""


def alert_happenings(alert: AlertObject, after: Mapping[str, Any], decision: Decision | None) -> list[Happening]:
    """Events of one alert."""
    said = [*_told(decision), *_ready(alert.status, after), *_delivery(alert.status, after)]
    return [Happening(naming.ALERT_KIND, alert.name, alert.uid, *event) for event in said]


def _told(decision: Decision | None) -> Iterator[Said]:
    if decision is None:
        return
    for each in decision.added:
        match each.event:
            case Event.START:
                yield WARNING, "AlertStarted", f"{each.check} is unhealthy: {each.reason or each.message}"
            case Event.END:
                yield NORMAL, "AlertEnded", f"{each.check} is healthy again"
            case Event.TEST:
                yield NORMAL, "TestQueued", f"a test is to be delivered: {each.id}"
    for lost in decision.lost:
        what = f"{lost.notification.event} of {lost.notification.check}" if lost.notification.check else "a test"
        yield WARNING, "NotDelivered", f"{what} ({lost.notification.id}) was not taken by {named(lost.targets)}"


def _ready(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    was, now = condition(before, READY), condition(after, READY)
    if now["status"] == "True" and was.get("status") != "True":
        yield NORMAL, now["reason"], now["message"]
    if now["status"] == "False" and was.get("reason") != now["reason"] and now["reason"] not in PASSING:
        yield WARNING, now["reason"], now["message"]


def _delivery(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    was, now = condition(before, DELIVERY_FAILING), condition(after, DELIVERY_FAILING)
    if now.get("status") == "True" and was.get("message") != now["message"]:
        yield WARNING, "DeliveryFailing", now["message"]
    if now.get("status") == "False" and was.get("status") == "True":
        yield NORMAL, "DeliveryRecovered", "every target takes notifications again"

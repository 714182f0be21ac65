"""What a courier may write of an alert, and how much stands in one, on a real API server."""

import json
from collections.abc import Callable

import pytest

from alertspace import HOOK, Alarm
from checkspace import MERGE, Shop
from operatorprocess import OPERATOR, Running
from product.polling import poll

Start = Callable[[], Running]


@pytest.mark.usefixtures("policy")
def test_a_courier_writes_what_became_of_notifications_and_nothing_else(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    alarm.add()
    alarm.courier_runs()
    shop.api.call("PATCH", alarm.path(), {"metadata": {"annotations": {"smartshield.io/test": "token"}}}, MERGE)
    poll("a test is told", alarm.queue, 20)

    def refused() -> bool:
        try:
            alarm.write({"lastTest": "other"})
        except AssertionError as error:
            return "may change nothing of a status but targets" in str(error)
        return False

    poll("the policy is in force", refused, 30)
    alarm.deliver()
    poll("it is taken in", lambda: not alarm.queue(), 20)
    condition = {"type": "Ready", "status": "True", "reason": "X", "message": "", "lastTransitionTime": NOW}
    for status in (
        {"matched": 7},
        {"notifications": [{"id": "x", "event": "TEST", "correlationId": "c", "time": NOW}]},
        {"unhealthy": []},
        {"conditions": [condition]},
        {"lastDelivery": NOW, "targets": [{"name": "hook"}]},
    ):
        with pytest.raises(AssertionError, match="may change nothing of a status but targets"):
            alarm.write(status)
    for path in (alarm.path(), shop.path("origin", "status")):
        with pytest.raises(AssertionError, match="403"):
            shop.api.call("PATCH", path, {"spec": {"suspended": True}}, MERGE, alarm.user)
    for path in (f"/api/v1/namespaces/{shop.space}/secrets/hook", "/api/v1/secrets"):
        with pytest.raises(AssertionError, match="403"):
            shop.api.call("GET", path, user=alarm.user)
    other = Alarm(Shop(shop.api, "default"))
    other.add()
    with pytest.raises(AssertionError, match="403"):
        other.write({"targets": [{"name": "hook"}]}, user=alarm.user)
    shop.api.call("DELETE", other.path())
    assert alarm.status()["lastTest"] == "token"


NOW = "2026-01-01T00:00:00Z"


def test_the_largest_status_is_taken(shop: Shop, alarm: Alarm) -> None:
    alarm.add(targets=[{**HOOK, "name": f"target-{i}"} for i in range(10)])
    failure = {"uid": "u" * 36, "since": NOW, "correlationId": "c" * 32, "reason": "Response body mismatch error"}
    told = {
        "event": "START",
        "correlationId": "c" * 32,
        "time": NOW,
        "changed": NOW,
        "check": "n" * 63,
        "checkId": "i" * 32,
        "oldStatus": "Healthy",
        "newStatus": "Unhealthy",
        "reason": "Response body mismatch error",
        "message": "\N{SNOWMAN}" * 1024,
        "failingRegions": [f"{i:02}" + "r" * 61 for i in range(64)],
        "address": "2001:db8::7",
        "expectedCodes": [f"2{i:02}" for i in range(32)],
        "since": NOW,
    }
    ids = [f"{i:016x}" for i in range(50)]
    status = {
        "unhealthy": [{**failure, "check": f"{i:04}" + "n" * 59} for i in range(2000)],
        "notifications": [{**told, "id": each} for each in ids],
    }
    shop.api.merge(alarm.path(subresource="status"), {"status": status})
    error = {"time": NOW, "notification": ids[0], "message": "\N{SNOWMAN}" * 1024, "attempts": 9}
    targets = [{"name": f"target-{i}", "settled": ids, "givenUp": ids, "lastError": error} for i in range(10)]
    alarm.write({"targets": targets}, user=OPERATOR)
    assert len(alarm.status()["unhealthy"]) == 2000
    stored = json.dumps(shop.api.call("GET", alarm.path()), ensure_ascii=False).encode()
    assert len(stored) < 1_200_000

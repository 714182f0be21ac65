"""Alerts as the API has them."""

from typing import Any

from shield_courier.core.alerts import read_alert

HOOK = {"name": "hook", "webhook": {"url": "https://x.example"}}


def resource(spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "shop", "uid": "u"}, "spec": spec, "status": status}


def test_an_alert_has_its_targets_its_queue_and_a_title_of_one_line() -> None:
    queued = {"id": "1", "event": "TEST", "correlationId": "c", "time": "2026-09-21T14:13:20Z"}
    alert = read_alert(resource({"displayName": " Ops\n\x00 team ", "targets": [HOOK]}, notifications=[queued, queued]))
    assert alert is not None
    assert ([each.name for each in alert.targets], alert.title, alert.problem) == (["hook"], "Ops team", "")
    assert [each.id for each in alert.queue] == ["1"]


def test_an_alert_with_wrong_targets_has_none_and_says_why() -> None:
    alert = read_alert(resource({"targets": [{"name": "x", "webhook": {}}]}))
    assert alert is not None
    assert (alert.targets, alert.title) == ((), "a")
    assert "url" in alert.problem


def test_what_has_no_uid_is_no_alert() -> None:
    assert read_alert({"metadata": {"name": "a"}, "spec": {}}) is None

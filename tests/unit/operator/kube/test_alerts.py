"""Alerts and what delivers them as the operator watches them."""

from typing import Any

from shield_operator.core import naming
from shield_operator.core.health.world import ChecksKey
from shield_operator.kube.alerts import is_ready, trouble_with
from shield_operator.kube.kinds import ALERT, CHECK, OF_ALERTS, POD
from shield_operator.kube.views import key_of, matters, trim
from shield_proxy.config.alerts.contract import ANNOTATION_TEST


def marked(kind: str = "c", labels: Any = None, notes: Any = None, **status: Any) -> dict[str, Any]:
    metadata = {"name": kind, "namespace": "shop", "uid": "u", "generation": 1}
    return {"metadata": {**metadata, "labels": labels, "annotations": notes}, "spec": {}, "status": status}


def test_labels_of_a_check_are_news_for_the_alerts_that_select_by_them() -> None:
    assert matters(CHECK, marked(), marked(labels={"team": "shop"}))
    assert matters(CHECK, marked(), marked(notes={"smartshield.io/preview": "true"}))
    assert not matters(CHECK, marked(), marked(notes={"example.com/note": "x"}))


def test_of_an_alerts_status_only_what_its_courier_writes_is_news() -> None:
    assert not matters(ALERT, marked(), marked(matched=3))
    assert matters(ALERT, marked(), marked(targets=[{"name": "hook"}]))
    assert matters(ALERT, marked(), marked(notes={ANNOTATION_TEST: "token"}))
    changed = marked()
    changed["metadata"]["generation"] = 2
    assert matters(ALERT, marked(), changed)


def test_alerts_and_what_delivers_them_belong_to_the_checks_of_their_namespace() -> None:
    body = {"metadata": {"namespace": "shop", "name": "x", "labels": naming.courier_labels()}}
    assert key_of(ALERT, {"metadata": {"namespace": "shop", "name": "a"}}) == ChecksKey("shop")
    assert {key_of(kind, body) for kind in (*OF_ALERTS, POD)} == {ChecksKey("shop")}


def test_a_courier_delivers_once_a_pod_of_it_is_ready() -> None:
    assert is_ready({"status": {"readyReplicas": 1}})
    for deployment in (None, {}, {"status": {}}, {"status": {"readyReplicas": 0}}, {"status": {"readyReplicas": "1"}}):
        assert not is_ready(deployment)


def pod(created: str, component: str = naming.COURIER, waiting: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": waiting, "message": "as it is"}} if waiting else {"running": {}}
    metadata = {"name": created, "creationTimestamp": created, "labels": {naming.LABEL_COMPONENT: component}}
    return trim(POD, {"metadata": metadata, "status": {"containerStatuses": [{"state": state}]}})


def test_why_a_courier_does_not_start_is_what_its_newest_pod_says() -> None:
    old, new = pod("2026-01-01T00:00:00Z", waiting="ErrImagePull"), pod("2026-01-02T00:00:00Z")
    assert trouble_with(None, [old]) == "ErrImagePull: as it is"
    assert trouble_with(None, [new, old]) == ""
    assert trouble_with(None, [pod("2026-01-03T00:00:00Z", naming.PROBER, "ErrImagePull")]) == ""


def test_or_who_refuses_to_have_one() -> None:
    def deployment(status: str) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "ReplicaFailure", "status": status, "message": "exceeded quota"}]}}

    assert trouble_with(deployment("True"), []) == "exceeded quota"
    assert trouble_with(deployment("False"), []) == ""
    assert trouble_with({"status": {}}, []) == trouble_with(None, []) == ""

"""What an alert brings into being, what it tells, once, and what its courier may write, on a real API server. There are
no controllers: the tests themselves are probers and couriers."""

import datetime
import itertools
import threading
import time
from collections.abc import Callable

import pytest

from alertspace import HOOK, MAIL, OBJECTS, Alarm
from bareapi import BareApi
from checkspace import MERGE, PLACES, Shop
from operatorprocess import Running
from product.polling import poll

Start = Callable[[], Running]
WHY = {"reason": "TCP connection failed", "detail": "203.0.113.7:80: refused", "address": "203.0.113.7"}


@pytest.fixture(scope="module")
def left_preview(api: BareApi) -> Shop:
    """A preview that nobody takes away, made when the first test begins, and a check beside it."""
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "left-preview"}})
    shop = Shop(api, "left-preview")
    shop.add("preview-x7k2p")
    shop.add("preview-of-mine")
    notes = {"annotations": {"smartshield.io/preview": "true"}}
    api.call("PATCH", shop.path("preview-x7k2p"), {"metadata": notes}, MERGE)
    return shop


def all_report(shop: Shop, health: str) -> None:
    """Every data centre says so, and is heard."""
    for key in PLACES:
        shop.renew(key)
        shop.report(key, health, **(WHY if health == "Unhealthy" else {}))


def watched(shop: Shop, alarm: Alarm) -> None:
    """A healthy check, an alert, a courier that runs."""
    shop.add()
    shop.probed()
    all_report(shop, "Healthy")
    alarm.add()
    alarm.courier_runs()
    poll("the check is healthy", lambda: shop.status().get("status") == "Healthy", 20)
    poll("the alert is ready", lambda: alarm.condition() == ("True", "Watching"), 20)


@pytest.mark.usefixtures("left_preview")
def test_an_alert_brings_its_courier_and_takes_it_with_it(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    alarm.add()
    poll("there is a courier", lambda: len(alarm.found()) == len(OBJECTS), 30)
    poll("it is waited for", lambda: alarm.condition() == ("False", "CourierStarting"), 20)
    alarm.courier_runs()
    poll("it delivers", lambda: alarm.condition() == ("True", "Watching"), 20)
    assert (alarm.status()["matched"], alarm.status()["failing"]) == (0, 0)
    template = alarm.found()["Deployment"]["spec"]["template"]["spec"]
    (source,) = template["volumes"][0]["projected"]["sources"]
    assert source["secret"]["items"] == [{"key": "url", "path": "hook/url"}]
    alarm.add("second")
    poll("both own it", lambda: len(alarm.found()["Role"]["metadata"]["ownerReferences"]) == 2, 20)
    shop.api.call("DELETE", alarm.path())
    poll("one owns it", lambda: len(alarm.found()["Role"]["metadata"]["ownerReferences"]) == 1, 20)
    shop.api.call("DELETE", alarm.path("second"))
    poll("nothing is left", lambda: not alarm.found(), 30)


def test_its_pod_is_one_that_a_restricted_namespace_takes(api: BareApi, start: Start, alarm: Alarm) -> None:
    start()
    alarm.add()
    poll("there is a courier", lambda: "Deployment" in alarm.found(), 30)
    template = alarm.found()["Deployment"]["spec"]["template"]
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "restricted", "labels": labels}})
    pod = {"metadata": {"name": "courier"}, "spec": template["spec"]}
    made = api.call("POST", "/api/v1/namespaces/restricted/pods?dryRun=All&fieldValidation=Strict", pod)
    assert made["spec"]["containers"][0]["args"][:2] == ["shield-courier", "run"]
    (container,) = template["spec"]["containers"]
    loose = {**pod, "spec": {**template["spec"], "containers": [{**container, "securityContext": {}}]}}
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        api.call("POST", "/api/v1/namespaces/restricted/pods?dryRun=All", loose)


def test_what_it_is_made_of_is_mended(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    alarm.add()
    poll("there is a courier", lambda: len(alarm.found()) == len(OBJECTS), 30)
    role = OBJECTS["Role"].format(shop.space) + "/shield-courier"
    more = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    shop.api.merge(role, {"rules": more})
    poll("it may do what it may", lambda: len(alarm.found()["Role"]["rules"]) == 2, 30)
    shop.api.call("DELETE", role)
    poll("it is there again", lambda: "Role" in alarm.found(), 30)


def test_a_failure_and_its_end_are_told_with_their_verdicts(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    watched(shop, alarm)
    began = time.monotonic()
    all_report(shop, "Unhealthy")
    (told,) = poll("it is told", alarm.queue, 20, 0.05)
    assert time.monotonic() - began < 5
    assert (told["event"], told["check"], told["newStatus"], told["address"]) == (
        "START",
        "origin",
        "Unhealthy",
        "203.0.113.7",
    )
    assert told["failingRegions"] == ["eu", "us"]
    assert told["expectedCodes"] == ["200"]
    assert told["changed"] == shop.status()["lastChange"]
    assert alarm.status()["failing"] == 1
    assert alarm.deliver() == [("origin", "START")]
    poll("it has left", lambda: not alarm.queue(), 20)
    assert "lastDelivery" in alarm.status()
    all_report(shop, "Healthy")
    (ended,) = poll("the end is told", alarm.queue, 20, 0.05)
    assert (ended["event"], ended["correlationId"], ended["since"]) == ("END", told["correlationId"], told["since"])
    assert ended["reason"] == "TCP connection failed"
    poll("nothing is unhealthy", lambda: alarm.status()["failing"] == 0, 10)

    def said() -> bool:
        events = shop.api.call("GET", f"/api/v1/namespaces/{shop.space}/events")["items"]
        return {"AlertStarted", "AlertEnded"} <= {event["reason"] for event in events}

    poll("events tell of it", said, 10)


def test_a_courier_that_writes_all_the_time_holds_nothing_up(start: Start, shop: Shop, alarm: Alarm) -> None:
    operator = start()
    watched(shop, alarm)
    stop = threading.Event()

    def write() -> None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for attempt in itertools.count():
            last = {"time": now, "notification": "x", "message": "refused", "attempts": attempt}
            alarm.write({"targets": [{"name": "hook", "settled": [], "lastError": last}]})
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for health, queued in (("Unhealthy", 1), ("Healthy", 2), ("Unhealthy", 3)):
            all_report(shop, health)
            poll("it is told", lambda queued=queued: len(alarm.queue()) == queued, 10, 0.05)
    finally:
        stop.set()
        thread.join()
    alarm.deliver()
    poll("all has left", lambda: not alarm.queue(), 10)
    outcomes = [line["outcome"] for line in operator.lines() if "outcome" in line]
    assert outcomes.count("conflict") <= len(outcomes) // 10


def test_what_changes_while_there_is_no_operator_is_told_once_when_there_is_one(
    start: Start, shop: Shop, alarm: Alarm
) -> None:
    first = start()
    watched(shop, alarm)
    first.stop()
    all_report(shop, "Unhealthy")
    second = start()
    (told,) = poll("it is told", shop.heard(alarm.queue), 40)
    second.stop()
    all_report(shop, "Unhealthy")
    third = start()
    poll("the third leads", lambda: third.says("reconciled"), 40)
    all_report(shop, "Unhealthy")
    time.sleep(2)
    assert [each["id"] for each in alarm.queue()] == [told["id"]]
    alarm.deliver()
    poll("it has left", lambda: not alarm.queue(), 20)
    all_report(shop, "Unhealthy")
    time.sleep(2)
    assert alarm.queue() == []
    assert [each["check"] for each in alarm.status()["unhealthy"]] == ["origin"]


def test_in_a_maintenance_window_nothing_is_told_and_at_its_end_what_still_holds(
    start: Start, shop: Shop, alarm: Alarm
) -> None:
    start()
    watched(shop, alarm)
    now = datetime.datetime.now(datetime.UTC)
    span = {"start": now, "end": now + datetime.timedelta(seconds=12)}
    alarm.edit(maintenanceWindows=[{key: at.strftime("%Y-%m-%dT%H:%M:%SZ") for key, at in span.items()}])
    poll("the window has begun", lambda: alarm.condition() == ("True", "Maintenance"), 10)
    all_report(shop, "Unhealthy")
    poll("it is unhealthy", lambda: shop.status()["status"] == "Unhealthy", 10)
    assert alarm.queue() == []
    (told,) = poll("its end tells of it", alarm.queue, 20, 0.1)
    late = datetime.datetime.now(datetime.UTC) - span["end"]
    assert told["event"] == "START"
    assert datetime.timedelta(0) < late + datetime.timedelta(seconds=1)
    assert late < datetime.timedelta(seconds=4)


def test_a_test_and_a_target_that_fails(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    alarm.add(targets=[HOOK, MAIL])
    alarm.courier_runs()
    notes = {"metadata": {"annotations": {"smartshield.io/test": "token"}}}
    shop.api.call("PATCH", alarm.path(), notes, MERGE)
    (told,) = poll("a test is told", alarm.queue, 20)
    assert (told["id"], told["event"], alarm.status()["lastTest"]) == ("test-token", "TEST", "token")
    alarm.deliver("mail", error="mail.example.com: 451 later")
    poll("it is told", lambda: alarm.condition("DeliveryFailing") == ("True", "TargetFails"), 20)
    messages = [each["message"] for each in alarm.status()["conditions"] if each["type"] == "DeliveryFailing"]
    assert messages == ["mail: mail.example.com: 451 later"]
    alarm.deliver("hook", "mail")
    poll("it is over", lambda: alarm.condition("DeliveryFailing") == ("False", "Delivering"), 20)
    poll("the test has left", lambda: not alarm.queue(), 20)


def test_what_a_courier_gave_up_is_an_event(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    alarm.add(targets=[HOOK, MAIL])
    alarm.courier_runs()
    shop.api.call("PATCH", alarm.path(), {"metadata": {"annotations": {"smartshield.io/test": "token"}}}, MERGE)
    poll("a test is told", alarm.queue, 20)
    done = [{"name": "hook", "settled": ["test-token"], "givenUp": ["test-token"]}]
    alarm.write({"targets": [*done, {"name": "mail", "settled": ["test-token"]}]})
    poll("it has left", lambda: not alarm.queue(), 20)

    def lost() -> list[str]:
        events = shop.api.call("GET", f"/api/v1/namespaces/{shop.space}/events")["items"]
        return [event["message"] for event in events if event["reason"] == "NotDelivered"]

    assert poll("it is told", lost, 10) == ["a test (test-token) was not taken by hook"]


def test_an_alert_that_can_t_be_honoured_says_why(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    alarm.add(maintenanceWindows=[{"at": "02:00", "minutes": 60, "timeZone": "Mars/Olympus"}])
    poll("it is told", lambda: alarm.condition() == ("False", "WindowIgnored"), 20)
    assert alarm.status()["matched"] == 0
    alarm.courier_runs()
    alarm.edit(maintenanceWindows=None, checks={"names": ["nowhere"]})
    poll("the check is missed", lambda: alarm.condition() == ("False", "ChecksMissing"), 20)
    shop.add("nowhere")
    poll("it is there", lambda: alarm.condition() == ("True", "Watching"), 20)


def test_labels_of_checks_are_followed(start: Start, shop: Shop, alarm: Alarm) -> None:
    start()
    shop.add()
    alarm.add(checks={"selector": {"matchLabels": {"team": "shop"}}})
    alarm.courier_runs()
    poll("it covers none", lambda: alarm.status().get("matched") == 0, 20)
    shop.api.call("PATCH", shop.path(), {"metadata": {"labels": {"team": "shop"}}}, MERGE)
    poll("it covers one", lambda: alarm.status()["matched"] == 1, 10)


@pytest.mark.usefixtures("policy")
def test_a_preview_that_was_left_goes_and_a_check_of_a_like_name_stays(start: Start, left_preview: Shop) -> None:
    start()
    path = left_preview.path("preview-x7k2p")
    poll("it is gone", lambda: left_preview.api.call("GET", path) is None, 170, 1)
    assert left_preview.api.call("GET", left_preview.path("preview-of-mine")) is not None

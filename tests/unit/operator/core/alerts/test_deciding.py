"""What is told of which change, once, and what is not."""

from dataclasses import replace
from typing import Any

import pytest

from shield_operator.core.alerts.planning import make_alerts_plan
from shield_proxy.config.alerts.contract import KEEP_SECONDS, MOST_NOTIFICATIONS

BOTH = [("origin", "START"), ("origin", "END")]


def fail(street: Any, *names: str) -> None:
    for name in names or ("origin",):
        street.verdicts[name] = "Unhealthy"


def mend(street: Any, *names: str) -> None:
    for name in names or ("origin",):
        street.verdicts[name] = "Healthy"


def test_a_failure_is_told_in_the_same_plan_as_its_verdict_and_once(street: Any) -> None:
    fail(street)
    plan = street.plan()
    (queued,) = plan.statuses["down"]["notifications"]
    assert (queued["event"], queued["check"], queued["newStatus"]) == ("START", "origin", "Unhealthy")
    street.settle()
    street.settle()
    assert street.heard() == [("origin", "START")]
    assert street.told() == ["origin"]


def test_its_end_is_told_with_the_same_correlation_and_since_when_it_failed(street: Any) -> None:
    fail(street)
    street.settle()
    street.now += 100
    mend(street)
    street.settle()
    start, end = street.delivered["hook"]
    assert street.heard() == BOTH
    assert start.correlation_id == end.correlation_id
    assert len(start.correlation_id) == 32
    assert start.since == end.since == start.changed
    assert end.changed > start.changed
    assert (start.old_status, start.new_status, start.reason) == ("Healthy", "Unhealthy", "TCP connection failed")
    assert (end.old_status, end.new_status, end.reason) == ("Unhealthy", "Healthy", "TCP connection failed")
    assert street.told() == []


def test_two_failures_of_a_check_share_nothing(street: Any) -> None:
    for _ in range(2):
        fail(street)
        street.settle()
        mend(street)
        street.now += 5
        street.settle()
        street.now += 5
    assert street.heard() == BOTH * 2
    assert len({each.id for each in street.delivered["hook"]}) == 4
    assert len({each.correlation_id for each in street.delivered["hook"]}) == 2


@pytest.mark.parametrize(("trigger", "heard"), [("Both", BOTH), ("Unhealthy", BOTH[:1]), ("Healthy", BOTH[1:])])
def test_the_trigger_says_which_changes_are_told(street: Any, trigger: str, heard: list[tuple[str, str]]) -> None:
    street.edit(trigger=trigger)
    fail(street)
    street.settle()
    assert street.told() == ["origin"]
    mend(street)
    street.settle()
    assert street.heard() == heard
    assert street.told() == []


@pytest.mark.parametrize("between", ["Unknown", "Suspended"])
def test_what_is_not_known_tells_nothing_and_ends_nothing(street: Any, between: str) -> None:
    fail(street)
    street.settle()
    street.verdicts["origin"] = between
    street.settle()
    fail(street)
    street.settle()
    assert street.heard() == [("origin", "START")]
    mend(street)
    street.settle()
    assert street.heard() == BOTH


def test_what_failed_before_the_alert_was_made_is_not_told(new_street: Any) -> None:
    street = new_street()
    street.check("origin", "Unhealthy")
    street.now += 10
    street.settle()
    mend(street)
    street.settle()
    assert street.heard() == []
    street.now += 5
    fail(street)
    street.settle()
    assert street.heard() == [("origin", "START")]


def test_a_check_that_begins_unhealthy_was_unknown_before(street: Any) -> None:
    street.check("new", "Unknown")
    street.step()
    fail(street, "new")
    street.settle()
    assert [(each.check, each.old_status) for each in street.delivered["hook"]] == [("new", "Unknown")]


def test_a_deleted_check_leaves_silently_and_its_successor_is_another(street: Any) -> None:
    fail(street)
    street.settle()
    del street.checks["origin"]
    street.settle()
    assert street.told() == []
    street.check("origin")
    street.settle()
    assert street.heard() == [("origin", "START")]
    street.now += 1
    fail(street)
    street.settle()
    assert street.heard() == [("origin", "START")] * 2


def test_a_check_that_is_no_longer_covered_leaves_silently(street: Any) -> None:
    fail(street, "origin", "database")
    street.settle()
    street.edit(checks={"names": ["database"]})
    street.settle()
    assert street.told() == ["database"]
    mend(street, "origin", "database")
    street.settle()
    assert street.heard() == [("database", "START"), ("origin", "START"), ("database", "END")]


def test_a_check_that_was_not_covered_for_a_while_goes_on_in_the_failure_that_waits(street: Any) -> None:
    for seconds in (0, 60):
        street.delivered.clear()
        fail(street)
        street.step()
        (start,) = street.queue()
        street.edit(checks={"names": ["database"]})
        street.step()
        if seconds:
            street.verdicts["origin"] = "Unknown"
            street.step(seconds)
            fail(street)
        street.edit()
        street.step()
        assert street.told() == ["origin"]
        assert street.queue() == (start,)
        mend(street)
        street.settle()
        assert street.heard() == BOTH
        assert {each.correlation_id for each in street.delivered["hook"]} == {start.correlation_id}
        street.now += 5


def test_where_who_failed_is_told_is_the_address_that_gave_the_reason(street: Any) -> None:
    probes = [
        {"dataCenter": "asia/a", "health": "Healthy", "address": "203.0.113.1", "code": 200},
        {"dataCenter": "eu/a", "health": "Unhealthy", "reason": "TCP Timeout", "address": "203.0.113.2"},
        {
            "dataCenter": "us/a",
            "health": "Unhealthy",
            "reason": "TCP connection failed",
            "address": "203.0.113.3",
            "code": 503,
        },
    ]
    check = street.checks["origin"]
    street.checks["origin"] = replace(check, status={**check.status, "probes": probes})
    fail(street)
    street.settle()
    (start,) = street.delivered["hook"]
    assert (start.address, start.code, start.failing_regions) == ("203.0.113.3", 503, ("eu",))
    assert start.message == "eu/a: said Unhealthy"
    assert start.check_id == check.uid.replace("-", "")


def test_a_suspended_alert_tells_afterwards_what_still_holds(street: Any) -> None:
    fail(street, "origin")
    street.settle()
    street.edit(suspended=True)
    street.step()
    mend(street, "origin")
    fail(street, "database")
    street.step()
    street.now += 60
    assert street.queue() == ()
    assert street.told() == ["origin"]
    street.edit()
    street.settle()
    assert sorted(street.heard()[1:]) == [("database", "START"), ("origin", "END")]


def test_a_test_is_told_once_for_each_token_whatever_else_is_said(street: Any) -> None:
    street.edit(suspended=True, trigger="Healthy")
    street.ask_for_test("one")
    street.settle()
    street.settle()
    assert [(each.id, each.event) for each in street.delivered["hook"]] == [("test-one", "TEST")]
    assert street.alerts["down"].status["lastTest"] == "one"
    street.ask_for_test("two")
    street.settle()
    assert [each.id for each in street.delivered["hook"]] == ["test-one", "test-two"]
    street.ask_for_test("")
    street.settle()
    assert len(street.delivered["hook"]) == 2


def test_a_notification_leaves_when_every_target_has_it(street: Any, hook: Any, mail: Any) -> None:
    street.edit(targets=[hook, mail])
    street.broken = {"mail"}
    fail(street)
    street.step()
    street.courier()
    street.step()
    assert (street.heard("hook"), street.heard("mail")) == ([("origin", "START")], [])
    assert len(street.queue()) == 1
    street.broken = set()
    street.settle()
    assert street.heard("mail") == [("origin", "START")]
    assert street.queue() == ()


def test_after_a_day_a_notification_is_given_up_and_that_is_told(street: Any) -> None:
    street.broken = {"hook"}
    fail(street)
    street.step()
    street.now += KEEP_SECONDS - 2
    street.step()
    assert len(street.queue()) == 1
    street.now += 2
    street.step()
    assert street.queue() == ()
    assert street.told() == ["origin"]
    assert ("down", "NotDelivered") in street.happenings


def test_while_nothing_is_taken_the_queue_is_bounded_and_what_holds_afterwards_is_told(new_street: Any) -> None:
    street = new_street()
    names = [f"check-{i:03}" for i in range(120)]
    for name in names:
        street.check(name)
    street.step()
    street.broken = {"hook"}
    fail(street, *names)
    for _ in range(5):
        street.step()
        street.courier()
    assert len(street.queue()) == MOST_NOTIFICATIONS
    assert street.condition() == ("False", "QueueFull")
    mend(street, *names[100:])
    street.broken = set()
    street.settle()
    assert sorted(street.heard()) == [(name, "START") for name in names[:100]]
    assert street.told() == names[:100]
    assert street.condition() == ("True", "Watching")


def test_a_target_that_takes_nothing_does_not_keep_news_from_the_others(new_street: Any, hook: Any, mail: Any) -> None:
    street = new_street()
    street.edit(targets=[hook, mail])
    street.check("origin")
    street.step()
    street.broken = {"mail"}
    for _ in range(2 * MOST_NOTIFICATIONS):
        fail(street)
        street.step(20)
        street.courier()
        mend(street)
        street.step(20)
        street.courier()
    assert street.heard("hook") == BOTH * (2 * MOST_NOTIFICATIONS)
    assert len(street.queue()) <= MOST_NOTIFICATIONS
    assert ("down", "NotDelivered") in street.happenings
    street.broken = set()
    street.settle()
    assert street.heard("mail") == BOTH * (MOST_NOTIFICATIONS // 2)


def test_flapping_fills_no_status_while_nobody_delivers(street: Any) -> None:
    for i in range(600):
        street.verdicts["origin"] = ("Unhealthy", "Healthy")[i % 2]
        street.step()
    assert street.most_queued == MOST_NOTIFICATIONS
    street.settle()
    events = [event for _, event in street.heard()]
    assert events == ["START", "END"] * (len(events) // 2)


class Spoken(dict[str, Any]):
    """A status that counts how often a notification was made of it."""

    words = 0

    def get(self, key: str, default: Any = None) -> Any:
        type(self).words += key == "probes"
        return super().get(key, default)


def test_of_a_thousand_failures_at_once_only_those_that_have_room_are_put_into_words(new_street: Any) -> None:
    street = new_street()
    for number in range(1000):
        street.check(f"origin-{number:03}")
    street.step()
    fail(street, *street.checks)
    world = street.world()
    counted = [replace(each, check=replace(each.check, status=Spoken(each.check.status))) for each in world.checks]
    plan = make_alerts_plan(replace(world, checks=tuple(counted)))
    assert len(plan.statuses["down"]["notifications"]) == MOST_NOTIFICATIONS
    assert Spoken.words == MOST_NOTIFICATIONS

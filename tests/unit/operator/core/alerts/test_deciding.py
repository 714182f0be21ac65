"""What is told of which change, once, and what is not."""

from dataclasses import replace
from typing import Any

import pytest

BOTH = [("origin", "START"), ("origin", "END")]


def test_a_failure_is_told_in_the_same_plan_as_its_verdict_and_once(street: Any) -> None:
    street.fail()
    plan = street.plan()
    (queued,) = plan.statuses["down"]["notifications"]
    assert (queued["event"], queued["check"], queued["newStatus"]) == ("START", "origin", "Unhealthy")
    street.settle()
    street.settle()
    assert street.heard() == [("origin", "START")]
    assert street.told() == ["origin"]


def test_its_end_is_told_with_the_same_correlation_and_since_when_it_failed(street: Any) -> None:
    street.fail()
    street.settle()
    street.now += 100
    street.mend()
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
        street.fail()
        street.settle()
        street.mend()
        street.now += 5
        street.settle()
        street.now += 5
    assert street.heard() == BOTH * 2
    assert len({each.id for each in street.delivered["hook"]}) == 4
    assert len({each.correlation_id for each in street.delivered["hook"]}) == 2


@pytest.mark.parametrize(("trigger", "heard"), [("Both", BOTH), ("Unhealthy", BOTH[:1]), ("Healthy", BOTH[1:])])
def test_the_trigger_says_which_changes_are_told(street: Any, trigger: str, heard: list[tuple[str, str]]) -> None:
    street.edit(trigger=trigger)
    street.fail()
    street.settle()
    assert street.told() == ["origin"]
    street.mend()
    street.settle()
    assert street.heard() == heard
    assert street.told() == []


@pytest.mark.parametrize("between", ["Unknown", "Suspended"])
def test_what_is_not_known_tells_nothing_and_ends_nothing(street: Any, between: str) -> None:
    street.fail()
    street.settle()
    street.verdicts["origin"] = between
    street.settle()
    street.fail()
    street.settle()
    assert street.heard() == [("origin", "START")]
    street.mend()
    street.settle()
    assert street.heard() == BOTH


def test_what_failed_before_the_alert_was_made_is_not_told(new_street: Any) -> None:
    street = new_street()
    street.check("origin", "Unhealthy")
    street.now += 10
    street.settle()
    street.mend()
    street.settle()
    assert street.heard() == []
    street.now += 5
    street.fail()
    street.settle()
    assert street.heard() == [("origin", "START")]


def test_a_check_that_begins_unhealthy_was_unknown_before(street: Any) -> None:
    street.check("new", "Unknown")
    street.step()
    street.fail("new")
    street.settle()
    assert [(each.check, each.old_status) for each in street.delivered["hook"]] == [("new", "Unknown")]


def test_a_deleted_check_leaves_silently_and_its_successor_is_another(street: Any) -> None:
    street.fail()
    street.settle()
    del street.checks["origin"]
    street.settle()
    assert street.told() == []
    street.check("origin")
    street.settle()
    assert street.heard() == [("origin", "START")]
    street.now += 1
    street.fail()
    street.settle()
    assert street.heard() == [("origin", "START")] * 2


def test_a_check_that_is_no_longer_covered_leaves_silently(street: Any) -> None:
    street.fail("origin", "database")
    street.settle()
    street.edit(checks={"names": ["database"]})
    street.settle()
    assert street.told() == ["database"]
    street.mend("origin", "database")
    street.settle()
    assert street.heard() == [("database", "START"), ("origin", "START"), ("database", "END")]


def test_a_check_that_was_not_covered_for_a_while_goes_on_in_the_failure_that_waits(street: Any) -> None:
    for seconds in (0, 60):
        street.delivered.clear()
        street.fail()
        street.step()
        (start,) = street.queue()
        street.edit(checks={"names": ["database"]})
        street.step()
        if seconds:
            street.verdicts["origin"] = "Unknown"
            street.step(seconds)
            street.fail()
        street.edit()
        street.step()
        assert street.told() == ["origin"]
        assert street.queue() == (start,)
        street.mend()
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
    street.fail()
    street.settle()
    (start,) = street.delivered["hook"]
    assert (start.address, start.code, start.failing_regions) == ("203.0.113.3", 503, ("eu",))
    assert start.message == "eu/a: said Unhealthy"
    assert start.check_id == check.uid.replace("-", "")


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        ({}, ("200",)),
        ({"type": "HTTPS", "httpConfig": {"expectedCodes": ["2xx", "301"]}}, ("2xx", "301")),
        ({"type": "TCP"}, ()),
        ({"interval": 0}, ()),
    ],
)
def test_start_and_end_tell_which_codes_the_check_expects(street: Any, spec: Any, codes: tuple[str, ...]) -> None:
    street.check("other", spec=spec)
    street.step()
    street.fail("other")
    street.settle()
    street.mend("other")
    street.settle()
    assert [each.expected_codes for each in street.delivered["hook"]] == [codes, codes]


def test_a_suspended_alert_tells_afterwards_what_still_holds(street: Any) -> None:
    street.fail("origin")
    street.settle()
    street.edit(suspended=True)
    street.step()
    street.mend("origin")
    street.fail("database")
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

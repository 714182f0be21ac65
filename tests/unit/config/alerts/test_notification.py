"""Notifications and what became of them come back from a status as they were written."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.alerts.contract import MOST_TEXT
from shield_proxy.config.alerts.notification import (
    Delivery,
    DeliveryError,
    Event,
    Notification,
    TargetStatus,
    read_notifications,
    read_target_statuses,
)

words = st.text(st.characters(codec="utf-8"), max_size=20)
some = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
notifications = st.builds(
    Notification,
    id=some,
    event=st.sampled_from(Event),
    correlation_id=some,
    time=some,
    changed=some,
    check=words,
    check_id=words,
    old_status=words,
    new_status=words,
    reason=words,
    message=words,
    failing_regions=st.lists(words, max_size=3).map(tuple),
    address=words,
    expected_codes=st.lists(words, max_size=3).map(tuple),
    code=st.none() | st.integers(100, 599),
    since=words,
)
targets = st.builds(
    TargetStatus,
    name=some,
    settled=st.lists(some, max_size=3).map(tuple),
    last_delivery=st.none() | st.builds(Delivery, some, some, words, some),
    last_error=st.none() | st.builds(DeliveryError, some, some, words, st.integers(0, 1000)),
    given_up=st.lists(some, max_size=3).map(tuple),
)


def through_json(items: Any) -> Any:
    return json.loads(json.dumps([item.to_json() for item in items]))


@given(st.lists(notifications, max_size=4).map(tuple), st.lists(targets, max_size=4).map(tuple))
def test_what_is_written_is_read(queued: Any, told: Any) -> None:
    status = {"notifications": through_json(queued), "targets": through_json(told)}
    assert read_notifications(status) == queued
    assert read_target_statuses(status) == told


def test_an_entry_that_can_t_be_read_does_not_hide_the_others() -> None:
    good = Notification("1", Event.START, "c", "t", "t")
    bad: list[Any] = [None, 3, {}, {"id": 4}, {**good.to_json(), "event": "PAUSE"}, {**good.to_json(), "code": "x"}]
    assert read_notifications({"notifications": [*bad, good.to_json()]}) == (good,)
    assert read_target_statuses({"targets": [*bad, {"name": "t"}]}) == (TargetStatus("t"),)
    for status in (None, {}, [], {"notifications": 3, "targets": "x"}):
        assert read_notifications(status) == read_target_statuses(status) == ()


def test_what_was_stored_before_there_were_expected_codes_and_what_was_given_up_is_read_and_stays_the_same() -> None:
    stored = {"id": "1", "event": "START", "correlationId": "c", "time": "t", "changed": "t", "code": 503}
    (read,) = read_notifications({"notifications": [stored]})
    assert read.expected_codes == ()
    assert read.to_json() == stored
    (target,) = read_target_statuses({"targets": [{"name": "hook", "settled": ["1"]}]})
    assert target.given_up == ()
    assert target.to_json() == {"name": "hook", "settled": ["1"]}


def test_long_messages_are_cut() -> None:
    news = Notification("1", Event.START, "c", "t", "t", message="x" * 5000)
    error = DeliveryError("t", "1", "x" * 5000, 1)
    assert len(news.to_json()["message"]) == len(error.to_json()["message"]) == MOST_TEXT

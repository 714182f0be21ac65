"""Words that all messages share."""

import pytest
from courier.samples import alert, notification

from shield_courier.core.words import duration, facts, in_words, sentence, subject
from shield_proxy.config.alerts.notification import Event


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3725, "1 h 2 min"), (90000, "1 d 1 h")]
)
def test_times_are_told_by_their_two_largest_units(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize("since", ["", "yesterday", "2026-09-21T15:00:00Z"])
def test_a_beginning_that_makes_no_sense_has_no_duration(since: str) -> None:
    assert duration(notification(event=Event.END, since=since)) == 0


def test_what_is_not_known_is_left_out() -> None:
    bare = notification(reason="", message="", code=None, address="", since="", failing_regions=())
    assert [label for label, _ in facts(alert(), bare)] == [
        *("Status", "Before", "Changed", "Health check", "Health check id", "Namespace", "Alert", "What it is for")
    ]
    assert subject(alert(), bare) == "[Unhealthy] api in shop"


def test_the_end_of_a_failure_says_where_it_is_healthy_in_one_sentence() -> None:
    end = notification(event=Event.END, message="healthy in 2 of 2 regions")
    assert sentence(alert(), end) == "The origin of health check api is healthy again: healthy in 2 of 2 regions."
    assert sentence(alert(), notification(event=Event.END, message="")).endswith("api is healthy again.")
    labels = dict(facts(alert(), end))
    assert labels["Regions"] == "healthy in 2 of 2 regions"
    assert "Expected and received" not in labels


def test_a_subject_is_short() -> None:
    assert len(subject(alert(), notification(check="c" * 253, reason="r" * 100))) == 200

"""What a target is sent next, and when."""

import pytest
from courier.samples import NOON, notification
from hypothesis import given, settings
from hypothesis import strategies as st

from shield_courier.core.outcomes import Delivered, Failed
from shield_courier.core.trying import (
    MOST_PAUSE,
    PERMANENT_SECONDS,
    GiveUp,
    Rest,
    Send,
    Standing,
    Wait,
    after,
    at_once,
    joined,
    next_step,
    outdated,
    pause_after,
    status_of,
    waiting,
)
from shield_proxy.config.alerts.contract import KEEP_SECONDS
from shield_proxy.config.alerts.notification import Delivery, DeliveryError, TargetStatus

ONE, TWO = notification("one"), notification("two")
QUEUE = (ONE, TWO)
REFUSED, PASSING = Failed("no", permanent=True), Failed("later")


def sent(standing: Standing, now: float = NOON) -> Send:
    step = next_step(standing, QUEUE, now)
    assert isinstance(step, Send), step
    return step


def tried(standing: Standing, outcome: Failed | Delivered, now: float = NOON, jitter: float = 0.0) -> Standing:
    return after(standing, sent(standing, now), outcome, now, jitter)


def test_the_oldest_is_sent_first_and_the_next_once_it_has_arrived() -> None:
    assert sent(Standing()) == Send(ONE, 1, ())
    assert sent(tried(Standing(), Delivered())) == Send(TWO, 1, ())


def test_nothing_is_sent_where_all_is_settled() -> None:
    assert next_step(Standing(frozenset(("one", "two"))), QUEUE, NOON) == Rest()
    assert next_step(Standing(), (), NOON) == Rest()


def test_what_failed_waits_and_what_comes_later_waits_with_it() -> None:
    failed = tried(Standing(), PASSING)
    assert next_step(failed, QUEUE, NOON + 0.25) == Wait(0.75)
    assert sent(failed, NOON + 1) == Send(ONE, 2, ())


def test_pauses_double_from_a_second_to_five_minutes() -> None:
    assert [pause_after(n, 0.0) for n in (1, 2, 3, 9, 10, 999)] == [1, 2, 4, 256, 300, 300]


@given(st.integers(1, 2000), st.floats(0, 1, exclude_max=True))
def test_jitter_takes_away_up_to_a_half(failures: int, jitter: float) -> None:
    whole = pause_after(failures, 0.0)
    assert whole / 2 <= pause_after(failures, jitter) <= whole


def test_who_asks_to_wait_is_left_alone_for_so_long_but_never_for_more_than_the_longest_pause() -> None:
    assert next_step(tried(Standing(), Failed("busy", retry_after=30)), QUEUE, NOON) == Wait(30)
    assert next_step(tried(Standing(), Failed("busy", retry_after=9e9)), QUEUE, NOON) == Wait(MOST_PAUSE)


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    assert isinstance(next_step(tried(Standing(), PASSING), QUEUE, NOON - 4000), Send)


def test_what_was_refused_is_tried_for_minutes_and_then_given_up_and_says_so() -> None:
    standing, now = Standing(), NOON
    while "one" not in standing.settled:
        step = next_step(standing, QUEUE, now)
        if isinstance(step, Wait):
            now += step.seconds
        else:
            standing = tried(standing, REFUSED, now)
    assert PERMANENT_SECONDS <= now - NOON <= 2 * PERMANENT_SECONDS
    assert standing.last_error is not None
    assert standing.last_error.message.startswith("given up after 10 attempts: no")
    assert sent(standing, now) == Send(TWO, 1, ())
    assert standing.given_up == {"one"}
    assert status_of("x", standing, QUEUE).given_up == ("one",)


def test_what_was_given_up_is_told_after_a_restart_and_a_success_too_until_it_leaves() -> None:
    given_up = outdated(Standing(), ONE, NOON)
    restarted = joined(Standing(), status_of("x", given_up, QUEUE), QUEUE)
    delivered = tried(restarted, Delivered())
    status = status_of("x", delivered, QUEUE)
    assert (status.settled, status.given_up) == (("one", "two"), ("one",))
    assert joined(delivered, status, (TWO,)).given_up == frozenset()


def test_a_failure_that_may_pass_begins_the_minutes_of_refusals_anew() -> None:
    standing = tried(tried(Standing(), REFUSED), PASSING, NOON + 2)
    standing = tried(standing, REFUSED, NOON + PERMANENT_SECONDS)
    assert "one" not in standing.settled


def test_what_may_pass_is_tried_for_a_day() -> None:
    standing, now, attempts = Standing(), NOON, 0
    while not isinstance(step := next_step(standing, QUEUE, now), GiveUp):
        if isinstance(step, Wait):
            now += step.seconds
        else:
            standing, attempts = tried(standing, PASSING, now), attempts + 1
    assert step.notification == ONE
    assert KEEP_SECONDS <= now - NOON <= KEEP_SECONDS + MOST_PAUSE
    assert 280 < attempts < 320


def test_what_is_too_old_is_given_up_with_the_last_error_or_without_one() -> None:
    late = NOON + KEEP_SECONDS
    error = outdated(tried(Standing(), PASSING), ONE, late).last_error
    assert error == DeliveryError("2026-09-22T14:13:20Z", "one", "given up after 1 attempt: later", 1)
    untried = outdated(Standing(), ONE, late)
    assert untried.settled == {"one"}
    assert untried.last_error is not None
    assert untried.last_error.message == "given up after 0 attempts: it was not tried in time"


def test_a_success_leaves_no_error() -> None:
    standing = tried(tried(Standing(), PASSING), Delivered(), NOON + 1)
    assert standing == Standing(
        frozenset(("one",)), None, Delivery("2026-09-21T14:13:21Z", "one", "api", "START"), None
    )


def test_a_change_that_may_help_is_tried_at_once_and_from_the_shortest_pause_on() -> None:
    standing = Standing()
    for n in range(6):
        standing = tried(standing, PASSING, NOON + 100 * n)
    again = at_once(standing)
    assert sent(again, NOON + 501) == Send(ONE, 7, ())
    assert next_step(tried(again, REFUSED, NOON + 501), QUEUE, NOON + 501) == Wait(1.0)
    assert at_once(Standing()) == Standing()


def test_those_who_have_a_mail_are_not_sent_it_again() -> None:
    standing = tried(Standing(), Failed("one is away", left=("b@example.com",)))
    assert sent(standing, NOON + 1).left == ("b@example.com",)
    assert sent(tried(standing, Delivered(), NOON + 1), NOON + 1) == Send(TWO, 1, ())


def test_what_the_api_knows_is_joined_after_a_restart() -> None:
    error, delivery = DeliveryError("t", "two", "m", 3), Delivery("t", "one", "api", "START")
    standing = joined(Standing(), TargetStatus("x", ("one", "gone"), delivery, error), QUEUE)
    assert standing == Standing(frozenset(("one",)), None, delivery, error)
    assert status_of("x", standing, QUEUE) == TargetStatus("x", ("one",), delivery, error)
    assert waiting(standing, QUEUE) == 1


def test_an_old_status_does_not_undo_what_is_known_here() -> None:
    delivered = tried(Standing(), Delivered())
    stale = TargetStatus("x", (), None, DeliveryError("t", "one", "m", 3))
    assert joined(delivered, stale, QUEUE) == delivered


def test_what_is_no_longer_queued_is_forgotten() -> None:
    failed = tried(tried(Standing(), Delivered()), PASSING)
    assert joined(failed, None, (ONE,)).trial is None
    assert joined(failed, None, (TWO,)).settled == frozenset()


@pytest.mark.parametrize("settled", [("one",), ("one", "two")])
def test_an_attempt_is_forgotten_once_somebody_else_has_settled_it(settled: tuple[str, ...]) -> None:
    assert joined(tried(Standing(), PASSING), TargetStatus("x", settled), QUEUE).trial is None


OUTCOMES = st.sampled_from(
    [Delivered(), PASSING, REFUSED, Failed("busy", retry_after=120.0), Failed("one", left=("b@example.com",))]
)


@settings(max_examples=60)
@given(st.lists(OUTCOMES, max_size=60), st.floats(0, 1, exclude_max=True), st.integers(0, 3))
def test_whatever_happens_each_is_settled_in_order_within_a_day(
    outcomes: list[Delivered | Failed], jitter: float, restarts: int
) -> None:
    standing, now, settled, sends = Standing(), NOON, list[str](), 0
    queue = tuple(notification(f"n{i}") for i in range(4))
    while not isinstance(step := next_step(standing, queue, now), Rest):
        match step:
            case Wait(seconds):
                assert 0 < seconds <= MOST_PAUSE + 1
                now += seconds
            case GiveUp(head):
                standing = outdated(standing, head, now)
                settled.append(head.id)
            case Send():
                outcome = outcomes[sends] if sends < len(outcomes) else PASSING
                sends += 1
                standing = after(standing, step, outcome, now, jitter)
                if step.notification.id in standing.settled:
                    settled.append(step.notification.id)
                if sends % 7 == 0 and restarts:
                    restarts -= 1
                    standing = joined(Standing(), status_of("x", standing, queue), queue)
    assert settled == ["n0", "n1", "n2", "n3"]
    assert now <= NOON + KEEP_SECONDS + MOST_PAUSE
    assert sends < 900

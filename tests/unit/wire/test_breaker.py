"""When an address is left alone, and when it is tried again."""

from shield_proxy.wire.upstream.breaker import Breaker, BreakerLimits, Phase

LIMITS = BreakerLimits(failures=3, share=0.5, least=10, window=10, first=1, longest=8)


def fail(breaker: Breaker, now: float, times: int = 1) -> bool:
    return [breaker.failed(now, "refused", 0.5) for _ in range(times)][-1]


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(LIMITS)
    assert fail(breaker, now, LIMITS.failures)
    return breaker


def test_failures_in_a_row_open_it_and_its_cause_is_remembered() -> None:
    breaker = Breaker(LIMITS)
    assert not fail(breaker, 0, 2)
    assert breaker.usable(0)
    assert fail(breaker, 0)
    assert not breaker.usable(0.99)
    assert (breaker.phase, breaker.cause, breaker.opens_in(0.25)) == (Phase.OPEN, "refused", 0.75)


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(LIMITS)
    for now in range(2):
        fail(breaker, now, 2)
        breaker.succeeded(now)
    assert breaker.phase is Phase.CLOSED


def test_half_of_many_requests_failing_opens_it_without_a_row() -> None:
    breaker = Breaker(LIMITS)
    outcomes = []
    for _ in range(5):
        outcomes.append(breaker.succeeded(1))
        outcomes.append(fail(breaker, 1))
    assert outcomes == [False] * 9 + [True]


def test_requests_of_former_windows_do_not_count() -> None:
    breaker = Breaker(LIMITS)
    for i in range(40):
        assert not fail(breaker, i * 6)
        breaker.succeeded(i * 6 + 1)


def test_one_request_is_on_trial_and_its_success_closes() -> None:
    breaker = opened()
    assert breaker.claim(1)
    assert breaker.phase is Phase.HALF_OPEN
    assert not breaker.usable(1.5)
    assert breaker.succeeded(1)
    assert breaker.phase is Phase.CLOSED


def test_a_trial_that_nobody_tells_of_is_followed_by_another() -> None:
    breaker = opened()
    breaker.claim(1)
    assert not breaker.usable(1.9)
    assert breaker.usable(2)


def test_each_failed_trial_doubles_the_pause_up_to_the_longest() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(6):
        pauses.append(breaker.opens_in(now))
        now += pauses[-1]
        breaker.claim(now)
        assert fail(breaker, now)
    assert pauses == [1, 2, 4, 8, 8, 8]


def test_who_fails_again_soon_after_it_answered_is_left_alone_for_longer() -> None:
    breaker = opened()
    breaker.claim(1)
    breaker.succeeded(1)
    fail(breaker, 2, 3)
    assert breaker.opens_in(2) == 2
    breaker.claim(4)
    breaker.succeeded(4)
    fail(breaker, 4 + LIMITS.longest + 1, 3)
    assert breaker.opens_in(4 + LIMITS.longest + 1) == 1


def test_chance_spreads_the_trials_of_many_pods() -> None:
    pauses = []
    for chance in (0.0, 0.999):
        breaker = Breaker(BreakerLimits(failures=1))
        breaker.failed(0, "refused", chance)
        pauses.append(breaker.opens_in(0))
    assert pauses[0] == 0.75
    assert 1.2 < pauses[1] < 1.25


def test_what_was_sent_before_it_opened_neither_closes_it_nor_keeps_it_open() -> None:
    breaker = opened(1.0)
    assert not breaker.succeeded(0.9)
    assert not fail(breaker, 1.9)
    assert breaker.phase is Phase.OPEN
    assert breaker.usable(2)


def test_many_failures_at_one_time_open_it_once() -> None:
    breaker = opened()
    breaker.claim(1)
    assert [fail(breaker, 1.1) for _ in range(4)] == [True, False, False, False]
    assert breaker.opens_in(1.1) == 2


def test_who_is_asked_though_it_is_open_can_close_it_and_keeps_it_open_no_longer() -> None:
    breaker = opened()
    assert not breaker.claim(0.5)
    assert not fail(breaker, 0.6)
    assert (breaker.phase, breaker.opens_in(0.6)) == (Phase.OPEN, 0.4)
    assert not breaker.claim(0.7)
    assert breaker.succeeded(0.7)
    assert breaker.phase is Phase.CLOSED


def test_it_is_forgettable_only_when_nothing_hangs_on_it() -> None:
    breaker = opened()
    assert not breaker.forgettable(1000)
    breaker.claim(1)
    breaker.succeeded(1)
    assert not breaker.forgettable(5)
    assert breaker.forgettable(12)
    fail(breaker, 12)
    assert not breaker.forgettable(1000)

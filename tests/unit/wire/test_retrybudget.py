"""How many requests may be sent twice."""

from shield_proxy.wire.upstream.retrybudget import FLOOR, SHARE, WINDOW, RetryBudget


def granted(budget: RetryBudget, asked: int, now: float, tries: int = 10_000) -> int:
    return sum(budget.grant(asked, now) for _ in range(tries))


def test_a_quiet_upstream_may_be_asked_again_a_few_times() -> None:
    assert granted(RetryBudget(0), asked=1, now=1) == FLOOR + 1


def test_a_busy_one_is_asked_again_by_a_share_at_most() -> None:
    assert granted(RetryBudget(0), asked=1000, now=5) == FLOOR + SHARE * 1000


def test_the_window_before_counts_while_the_present_one_has_just_begun() -> None:
    budget = RetryBudget(0)
    assert granted(budget, asked=2000, now=2 * WINDOW) == FLOOR + SHARE * 1000
    assert granted(budget, asked=2000, now=2 * WINDOW + 1) == 0
    assert granted(budget, asked=2000, now=3 * WINDOW) == FLOOR


def test_a_storm_of_failures_over_a_minute_stays_within_the_share() -> None:
    budget, asked, repeated = RetryBudget(0), 0, 0
    for second in range(60):
        for _ in range(100):
            asked += 1
            repeated += budget.grant(asked, second)
    assert repeated <= asked * SHARE + 6 * (FLOOR + 1)

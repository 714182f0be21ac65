"""A data centre's verdict from its samples in a row."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.health import Health
from shield_proxy.health.counters import Counters, count

outcomes = st.lists(st.booleans(), max_size=60)
thresholds = st.integers(1, 6)


def counted(samples: list[bool], fails: int, successes: int) -> Counters:
    counters = Counters()
    for healthy in samples:
        counters = count(counters, healthy, fails, successes)
    return counters


def test_nothing_is_known_at_first() -> None:
    assert Counters() == Counters(Health.UNKNOWN, 0, 0)


def test_one_sample_decides_by_default() -> None:
    assert [counted(samples, 1, 1).verdict for samples in ([True], [False], [True, False], [False, True])] == [
        Health.HEALTHY,
        Health.UNHEALTHY,
        Health.UNHEALTHY,
        Health.HEALTHY,
    ]


@given(outcomes, thresholds, thresholds)
def test_the_counts_are_the_run_of_equal_samples_at_the_end(samples: list[bool], fails: int, successes: int) -> None:
    after = counted(samples, fails, successes)
    run = 0
    while run < len(samples) and samples[-1 - run] == samples[-1]:
        run += 1
    assert (after.successes, after.fails) == ((run, 0) if samples and samples[-1] else (0, run))


@given(outcomes, thresholds, thresholds)
def test_the_verdict_is_that_of_the_last_run_long_enough(samples: list[bool], fails: int, successes: int) -> None:
    expected, run, before = Health.UNKNOWN, 0, None
    for healthy in samples:
        run = run + 1 if healthy == before else 1
        before = healthy
        if run >= (successes if healthy else fails):
            expected = Health.HEALTHY if healthy else Health.UNHEALTHY
    assert counted(samples, fails, successes).verdict is expected


@given(st.lists(st.booleans(), min_size=1), st.integers(2, 6))
def test_flapping_faster_than_the_thresholds_flips_nothing(first: list[bool], threshold: int) -> None:
    flapping = [i % 2 == 0 for i in range(20)]
    settled = counted(first + [True] * threshold, threshold, threshold)
    for healthy in flapping:
        settled = count(settled, healthy, threshold, threshold)
        assert settled.verdict is Health.HEALTHY


@given(outcomes, outcomes, thresholds, thresholds)
def test_counters_go_on_where_another_run_left_them(
    before: list[bool], after: list[bool], fails: int, successes: int
) -> None:
    counters = counted(before, fails, successes)
    restored = Counters(Health(str(counters.verdict)), counters.fails, counters.successes)
    for healthy in after:
        restored = count(restored, healthy, fails, successes)
    assert restored == counted(before + after, fails, successes)

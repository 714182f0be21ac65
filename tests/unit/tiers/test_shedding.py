"""Refusing work early: never for a moment's delay, more the longer it lasts, and no longer than it lasts."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.tiers.load.shedding import LOOKS, MOST, Pressure, Shedder, observed

TARGET, INTERVAL, EVERY = 0.1, 0.5, 0.05
delays = st.floats(min_value=0, max_value=5)
LATE = st.floats(min_value=TARGET * 1.2, max_value=5)
IN_TIME = st.floats(min_value=0, max_value=TARGET)


def after(looks: list[float], before: Pressure | None = None) -> Pressure:
    """The pressure after looks that were EVERY apart beside the delay they found."""
    pressure = before or Pressure(at=100.0)
    for delay in looks:
        pressure = observed(pressure, pressure.at + EVERY + delay, delay, TARGET, INTERVAL)
    return pressure


@given(st.lists(delays, max_size=60))
def test_the_share_is_a_share_and_some_are_always_let_through(looks: list[float]) -> None:
    assert 0 <= after(looks).share <= MOST < 1


@given(st.lists(IN_TIME, max_size=40), st.lists(delays, min_size=1, max_size=LOOKS - 1), IN_TIME)
def test_a_moment_of_delay_refuses_nobody(before: list[float], moment: list[float], then: float) -> None:
    assert after([*before, *moment, then]).share == 0


@given(st.lists(IN_TIME, max_size=40))
def test_a_loop_in_time_refuses_nobody(looks: list[float]) -> None:
    assert after(looks).share == 0


@given(LATE)
def test_a_lasting_delay_refuses_more_and_more(delay: float) -> None:
    pressure, shares = Pressure(at=100.0), []
    while pressure.at < 100.0 + INTERVAL + 40:
        pressure = after([delay], pressure)
        shares.append(pressure.share)
    assert shares == sorted(shares)
    assert shares[-1] == MOST


@given(st.lists(delays, max_size=60), st.lists(IN_TIME, min_size=300, max_size=300))
def test_whatever_was_it_is_over_within_seconds(before: list[float], then: list[float]) -> None:
    pressure = after(before)
    started = pressure.at
    for delay in then:
        pressure = after([delay], pressure)
        if pressure.share == 0:
            break
    assert pressure.share == 0
    assert pressure.at - started < 11  # at the target itself; without delay two seconds


def test_without_delay_two_seconds_end_it() -> None:
    assert after([0.0] * 40, Pressure(share=MOST, at=100.0)).share == 0


@given(st.floats(min_value=0, max_value=MOST), st.integers(min_value=1, max_value=400))
def test_the_refused_are_the_share_and_spread_evenly(share: float, requests: int) -> None:
    shedder = Shedder(TARGET, INTERVAL)
    shedder.pressure = Pressure(share=share)
    refused = [shedder.refuses() for _ in range(requests)]
    assert abs(sum(refused) - share * requests) <= 1.001
    assert shedder.refused == sum(refused)
    longest = max(map(len, "".join("x" if no else " " for no in refused).split()), default=0)
    assert longest <= 1 + share / (1 - share)

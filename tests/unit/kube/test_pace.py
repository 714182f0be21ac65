"""How hard a server is pressed: less where it falls behind, more again where it keeps up."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.kube.pace import (
    AT_ONCE,
    MOST_PATIENCE,
    PATIENCE,
    Pace,
    fell_behind,
    kept_up,
    overloaded,
)


def test_who_keeps_up_is_asked_as_much_as_ever() -> None:
    assert kept_up(Pace()) == Pace() == Pace(AT_ONCE, PATIENCE)


def test_who_falls_behind_again_and_again_is_asked_one_thing_and_waited_for() -> None:
    paces = list(accumulate(range(6), lambda pace, _: fell_behind(pace), initial=Pace()))
    assert [pace.at_once for pace in paces] == [4, 2, 1, 1, 1, 1, 1]
    assert [pace.patience for pace in paces] == [5, 10, 20, 40, 40, 40, 40]


def test_it_comes_back_step_by_step() -> None:
    pace = Pace(1.0, MOST_PATIENCE)
    counts = []
    for _ in range(30):
        counts.append(pace.at_once)
        pace = kept_up(pace)
    assert counts == sorted(counts)
    assert counts[:8] == [1, 2, 2, 2, 3, 3, 3, 4]
    assert pace == Pace()


@given(st.lists(st.booleans()))
def test_whatever_happens_it_stays_within_bounds_and_recovers(answered: list[bool]) -> None:
    pace = Pace()
    for each in answered:
        pace = kept_up(pace) if each else fell_behind(pace)
        assert 1 <= pace.at_once <= AT_ONCE
        assert PATIENCE <= pace.patience <= MOST_PATIENCE
    for _ in range(30):
        pace = kept_up(pace)
    assert pace == Pace()


@pytest.mark.parametrize(
    ("status", "expected"), [(403, False), (409, False), (422, False), (429, True), (500, True), (504, True)]
)
def test_an_answer_tells_of_the_server_or_of_the_object(status: int, expected: bool) -> None:
    assert overloaded(status) is expected

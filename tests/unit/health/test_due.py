"""Which slot is probed now: the last that has come, unless it is too late; all others are missed, and counted."""

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.health.running.due import LATEST, PATIENCE, due, early
from shield_proxy.health.slots import last_slot, next_slot, slots_between, slots_within

T = 1_699_999_200.0
intervals = st.sampled_from([5.0, 10.0, 60.0, 61.0, 3600.0])
phases = st.floats(0, 0.999)


def test_a_slot_that_has_come_is_probed() -> None:
    found = due(T, T + 10.2, T + 100, 10, 0)
    assert (found.slot, found.missed) == (T + 10, 0)


def test_nothing_is_due_before_the_slot() -> None:
    assert due(T, T + 9.9, T + 100, 10, 0).slot is None


def test_a_slot_beyond_what_is_owned_is_left_to_others() -> None:
    found = due(T, T + 10.2, T + 9, 10, 0)
    assert (found.slot, found.missed, found.handled) == (None, 0, T + 9)


def test_a_slot_that_is_late_by_more_than_half_of_its_interval_is_missed() -> None:
    assert due(T, T + 14.9, T + 100, 10, 0).slot == T + 10
    found = due(T, T + 15.1, T + 100, 10, 0)
    assert (found.slot, found.missed) == (None, 1)


def test_of_several_slots_that_have_come_the_last_is_probed() -> None:
    found = due(T, T + 32, T + 100, 10, 0)
    assert (found.slot, found.missed, found.handled) == (T + 30, 2, T + 32)


@given(intervals, phases, st.lists(st.floats(0, 200), min_size=1, max_size=20))
def test_every_slot_is_probed_or_missed_once_however_often_one_looks(
    interval: float, phase: float, pauses: list[float]
) -> None:
    now, handled, probed, missed = T, T, [], 0
    for pause in pauses:
        now += pause
        found = due(handled, now, T + 1000, interval, phase)
        handled, missed = found.handled, missed + found.missed
        if found.slot is not None:
            assert now - found.slot <= LATEST * interval
            probed.append(found.slot)
    expected = slots_within(T, min(now, T + 1000), interval, phase)
    assert len(probed) + missed == len(expected) == slots_between(T, min(now, T + 1000), interval, phase)
    assert set(probed) <= set(expected)
    assert len(set(probed)) == len(probed)


@given(intervals, phases, st.floats(0, 4000))
def test_the_last_slot_is_the_one_before_the_next(interval: float, phase: float, seconds: float) -> None:
    last = last_slot(T + seconds, interval, phase)
    assert last <= T + seconds < next_slot(last, interval, phase)


def test_a_changed_check_is_probed_at_once_where_its_slots_are_far() -> None:
    assert early(T + 20, T, 60, 0)


def test_a_probe_outside_of_slots_is_not_close_to_another() -> None:
    assert not early(T + 55, T, 60, 0)
    assert not early(T + 20, T + 15, 60, 0)
    assert not any(early(T + n / 10, 0, PATIENCE, 0) for n in range(200))

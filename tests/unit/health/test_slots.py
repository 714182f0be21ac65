"""Wall-clock slots: exact intervals, none doubled or skipped where one run hands over to the next."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.health.slots import next_slot, phase, slots_within

instants = st.floats(1.7e9, 2.2e9)
intervals = st.integers(5, 3600) | st.floats(5, 3600)
phases = st.builds(phase, st.uuids().map(lambda uid: uid.hex), st.sampled_from(["eu/a", "eu/b", "us/a"]))


@given(instants, intervals, phases)
def test_the_next_slot_is_later_and_at_most_one_interval_away(after: float, interval: float, phase: float) -> None:
    slot = next_slot(after, interval, phase)
    assert after < slot <= after + interval + 1e-6


@given(instants, intervals, phases)
def test_slots_are_one_interval_apart(after: float, interval: float, phase: float) -> None:
    first = next_slot(after, interval, phase)
    second = next_slot(first, interval, phase)
    assert abs(second - first - interval) < 1e-5


@given(instants, st.lists(st.floats(0, 600), min_size=1, max_size=6), intervals, phases)
def test_runs_that_hand_over_share_no_slot_and_miss_none(
    start: float, lengths: list[float], interval: float, phase: float
) -> None:
    ends = [start]
    for length in lengths:
        ends.append(ends[-1] + length)
    handed = [slots_within(a, b, interval, phase) for a, b in pairwise(ends)]
    assert sum(handed, ()) == slots_within(ends[0], ends[-1], interval, phase)


@given(instants, st.floats(0, 3600), intervals, phases)
def test_the_slots_of_a_span_are_those_that_follow_one_another(
    after: float, length: float, interval: float, phase: float
) -> None:
    expected, until = [], after + length
    slot = next_slot(after, interval, phase)
    while slot <= until:
        expected.append(slot)
        slot = next_slot(slot, interval, phase)
    assert list(slots_within(after, until, interval, phase)) == expected


@given(instants, st.integers(0, 10**6), intervals, phases)
def test_a_slot_itself_belongs_to_the_span_that_ends_with_it(
    after: float, nth: int, interval: float, phase: float
) -> None:
    slot = next_slot(after + nth, interval, phase)
    assert slot in slots_within(slot - 1, slot, interval, phase)
    assert slot not in slots_within(slot, slot + 1, interval, phase)


def test_checks_and_data_centres_are_spread_over_the_interval() -> None:
    phases = [phase(f"{i:032x}", f"eu/{dc}") for i in range(250) for dc in "abcd"]
    assert len(set(phases)) == len(phases)
    tenths = [sum(i / 10 <= p < (i + 1) / 10 for p in phases) for i in range(10)]
    assert sum(tenths) == len(phases)
    assert min(tenths) > 60
    assert max(tenths) < 150


def test_a_phase_is_the_same_in_every_process() -> None:
    assert phase("0f8fad5bd9cb469fa16570867728950e", "eu-west/a") == 0.48130281060002744

"""The WAN's delays and its line of frames, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcluster.wanmatrix import DelayLine, Matrix, UnknownPlace

PLACES = ("ams", "fra", "iad")
MATRIX = Matrix.of(PLACES, {("ams", "fra"): 5, ("iad", "ams"): 40})


def test_a_delay_is_the_same_both_ways():
    assert MATRIX.delay("ams", "iad") == MATRIX.delay("iad", "ams") == 0.04


def test_a_path_that_was_never_named_has_no_delay():
    assert MATRIX.delay("fra", "iad") == 0


def test_a_cut_path_has_no_delay_at_all_and_can_be_mended():
    cut = MATRIX.with_path("fra", "ams", None)
    assert cut.delay("ams", "fra") is None
    assert cut.with_path("ams", "fra", 5) == MATRIX


def test_a_change_leaves_the_old_matrix_as_it_was():
    MATRIX.with_path("ams", "fra", 99)
    assert MATRIX.delay("ams", "fra") == 0.005


@pytest.mark.parametrize(("a", "b"), [("ams", "lon"), ("lon", "ams"), ("ams", "ams")])
def test_a_path_to_nowhere_or_to_itself_is_refused(a, b):
    with pytest.raises(UnknownPlace):
        MATRIX.with_path(a, b, 1)


@pytest.mark.parametrize("ms", [-1, 60_001, float("nan")])
def test_an_impossible_delay_is_refused(ms):
    with pytest.raises(ValueError, match="not between"):
        MATRIX.with_path("ams", "fra", ms)


def test_the_table_shows_every_pair_and_what_is_cut():
    table = MATRIX.with_path("fra", "iad", None).table()
    assert [line.split() for line in table.splitlines()] == [
        ["ams", "fra", "iad"],
        ["ams", "-", "5", "40"],
        ["fra", "5", "-", "cut"],
        ["iad", "40", "cut", "-"],
    ]


@given(st.lists(st.tuples(st.floats(0, 10), st.binary(min_size=1, max_size=4)), max_size=30))
def test_frames_leave_in_the_order_they_are_due_and_none_before(frames):
    line = DelayLine(room=1000)
    for due, frame in frames:
        assert line.push(due, "ams", frame)
    assert line.pop_due(-1) is None
    left = [line.pop_due(10) for _ in frames]
    assert [("ams", frame) for _, frame in sorted(frames, key=lambda f: f[0])] == left
    assert line.next_due() is None


def test_frames_of_one_instant_keep_their_order():
    line = DelayLine(room=100)
    for frame in (b"1", b"2", b"3"):
        line.push(5.0, "ams", frame)
    assert [line.pop_due(5.0) for _ in range(3)] == [("ams", b"1"), ("ams", b"2"), ("ams", b"3")]


def test_a_place_whose_room_is_full_loses_frames_and_others_do_not():
    line = DelayLine(room=10)
    assert line.push(1, "ams", b"x" * 10)
    assert not line.push(1, "ams", b"x")
    assert line.push(1, "fra", b"x")
    line.pop_due(1)
    assert line.push(2, "ams", b"x")

"""Bars to one scale."""

from hypothesis import given
from hypothesis import strategies as st

from shield_kubectl.shown.style import Style
from shield_kubectl.shown.waterfall import LEAST_BAR, MOST_BAR, NAMES, waterfalls

stages = st.dictionaries(st.sampled_from(list(NAMES)), st.floats(0, 1e7), max_size=5)


def test_stages_begin_where_those_before_them_end() -> None:
    fall = {"tcpMilliseconds": 25.0, "tlsMilliseconds": 25.0, "firstByteMilliseconds": 50.0, "totalMilliseconds": 100.0}
    assert waterfalls([("eu/a", fall)], Style(width=41)) == [
        "eu/a",
        "  tcp        25.0 ms #####",
        "  tls        25.0 ms      #####",
        "  ttfb       50.0 ms           ##########",
        "  total     100.0 ms ####################",
    ]


def test_short_stages_are_seen() -> None:
    falls = [("a", {"tcpMilliseconds": 0.001}), ("b", {"totalMilliseconds": 1000.0})]
    assert waterfalls(falls, Style())[1].endswith("#")
    assert waterfalls(falls, Style(unicode=True))[1].endswith("▏")


def test_parts_of_a_column_are_drawn_in_eighths() -> None:
    falls = [("a", {"tcpMilliseconds": 5.5}), ("b", {"totalMilliseconds": 10.0})]
    assert waterfalls(falls, Style(unicode=True, width=31))[1].endswith(" █████▌")


@given(st.lists(st.tuples(st.just("t"), stages), max_size=4), st.integers(0, 500), st.booleans())
def test_no_bar_is_wider_than_its_room(falls: list[tuple[str, dict[str, float]]], width: int, unicode: bool) -> None:
    for line in waterfalls(falls, Style(unicode=unicode, width=width)):
        if line != "t":
            assert len(line.partition(" ms ")[2]) <= max(LEAST_BAR, min(MOST_BAR, width))

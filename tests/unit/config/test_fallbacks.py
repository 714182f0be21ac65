"""Who serves whose requests while origins are unhealthy."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.fallbacks import in_use
from shield_proxy.config.state import Origin

NAMES = tuple("abcdef")


def origin(name: str, *fallbacks: str, ill: bool = False, refuses: bool = False) -> Origin:
    return Origin(name, f"{name}.example", 80, unhealthy=ill, fallbacks=fallbacks, refuses=refuses)


def serving(*origins: Origin) -> dict[str, str | None]:
    return {name: who.name if who is not None else None for name, who in in_use(origins).items()}


def test_who_is_not_unhealthy_serves_itself() -> None:
    assert serving(origin("a", "b"), origin("b")) == {"a": "a", "b": "b"}


def test_the_first_fallback_that_is_not_unhealthy_stands_in() -> None:
    found = serving(origin("a", "b", "c", "d", ill=True), origin("b", ill=True), origin("c"), origin("d"))
    assert found["a"] == "c"


def test_own_fallbacks_come_before_those_of_a_fallback() -> None:
    found = serving(origin("a", "b", "c", ill=True), origin("b", "d", ill=True), origin("c"), origin("d"))
    assert found == {"a": "c", "b": "d", "c": "c", "d": "d"}


def test_a_chain_is_followed_to_its_end_and_a_circle_ends() -> None:
    chain = (origin("a", "b", ill=True), origin("b", "a", "c", ill=True), origin("c", "a", "d", ill=True), origin("d"))
    assert serving(*chain) == {"a": "d", "b": "d", "c": "d", "d": "d"}
    circle = (origin("a", "b", ill=True), origin("b", "a", ill=True, refuses=True))
    assert serving(*circle) == {"a": "a", "b": None}


@pytest.mark.parametrize(("refuses", "who"), [(False, "a"), (True, None)])
def test_where_nobody_stands_in_the_origin_is_asked_unless_it_refuses_that(refuses: bool, who: str | None) -> None:
    assert serving(origin("a", "b", ill=True, refuses=refuses), origin("b", ill=True))["a"] == who


def test_a_fallback_that_is_no_origin_leads_nowhere() -> None:
    assert serving(origin("a", "gone", "b", ill=True), origin("b")) == {"a": "b", "b": "b"}


@st.composite
def zones(draw: st.DrawFn) -> tuple[Origin, ...]:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    lists = st.lists(st.sampled_from(NAMES), max_size=8, unique=True)
    return tuple(origin(name, *draw(lists), ill=draw(st.booleans()), refuses=draw(st.booleans())) for name in names)


def reachable(name: str, known: dict[str, Origin]) -> set[str]:
    """By the definition: the least set that holds the origin and the fallbacks of each of its members."""
    found, before = {name}, set[str]()
    while found != before:
        before = set(found)
        found |= {each for one in before for each in known[one].fallbacks if each in known}
    return found


@given(zones())
def test_an_unhealthy_origin_is_used_only_where_no_other_can_be_reached(origins: tuple[Origin, ...]) -> None:
    known = {one.name: one for one in origins}
    found = in_use(origins)
    assert found.keys() == known.keys()
    for name, who in found.items():
        better = [each for each in reachable(name, known) if not known[each].unhealthy]
        if who is None:
            assert known[name].unhealthy
            assert known[name].refuses
            assert not better
        elif who.unhealthy:
            assert not better
            assert (who.name, who.refuses) == (name, False)
        else:
            assert who.name in better
            assert known[name].unhealthy or who.name == name


@given(zones())
def test_the_nearest_that_can_serve_does(origins: tuple[Origin, ...]) -> None:
    known = {one.name: one for one in origins}
    for name, who in in_use(origins).items():
        own = [each for each in known[name].fallbacks if each in known and not known[each].unhealthy]
        if known[name].unhealthy and own:
            assert who is not None
            assert who.name == own[0]


def test_a_record_that_nobody_sound_wrote_takes_no_time() -> None:
    names = [f"o{i}" for i in range(3000)]
    circle = [origin(name, *names[i + 1 :], *names[:i], ill=True) for i, name in enumerate(names)]
    start = time.process_time()
    assert all(who is not None and who.name == name for name, who in in_use(circle).items())
    assert time.process_time() - start < 2  # without bounds 3,000 times 9 million steps


def test_every_origin_of_the_largest_zone_is_found() -> None:
    chain = [origin(f"o{i}", f"o{i + 1}", ill=i < 31) for i in range(32)]
    assert serving(*chain)["o0"] == "o31"

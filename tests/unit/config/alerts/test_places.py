"""Where alerts name more targets together than a courier serves, the oldest are served."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.alerts.contract import MOST_TARGETS
from shield_proxy.config.alerts.places import Place, left_out, place_of


def resource(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "down", "uid": "u", "creationTimestamp": "2026-09-21T14:13:20Z"}
    return {"metadata": metadata, "spec": spec}


def test_an_alert_has_its_place_by_its_age_and_takes_as_many_targets_as_it_names() -> None:
    assert place_of(resource(targets=[{}, "x"])) == Place("2026-09-21T14:13:20Z", "down", "u", 2)
    assert place_of(resource(targets="many")) == Place("2026-09-21T14:13:20Z", "down", "u", 0)
    assert place_of({}) == Place()


def test_the_bound_itself_is_within_and_what_goes_beyond_is_not() -> None:
    full = [Place(f"{i:04}", "n", f"u{i}", 10) for i in range(MOST_TARGETS // 10)]
    assert left_out(full) == frozenset()
    assert left_out([Place("9", "young", "late", 1), *full]) == {"late"}


def test_a_small_alert_does_not_get_past_an_older_large_one() -> None:
    full = [
        Place("1", "old", "old", MOST_TARGETS - 1),
        Place("2", "large", "large", 2),
        Place("3", "small", "small", 1),
    ]
    assert left_out(full) == {"large", "small"}


def test_of_alerts_made_in_one_second_names_decide() -> None:
    pair = [Place("1", "b", "b", MOST_TARGETS), Place("1", "a", "a", 1)]
    assert left_out(pair) == left_out(pair[::-1]) == {"b"}


PLACES = st.lists(
    st.builds(Place, st.sampled_from("123"), st.text("ab", max_size=2), st.uuids().map(str), st.integers(0, 900)),
    unique_by=lambda place: place.uid,
)


@given(PLACES, st.randoms(use_true_random=False))
def test_who_is_served_fits_is_older_than_who_is_not_and_depends_on_no_order(places: list[Place], rng: Any) -> None:
    out = left_out(places)
    served = [place for place in places if place.uid not in out]
    assert sum(place.targets for place in served) <= MOST_TARGETS
    assert not out or max(served, default=Place()) < min(place for place in places if place.uid in out)
    rng.shuffle(places)
    assert left_out(places) == out


@given(PLACES)
def test_an_alert_that_is_made_takes_nobody_s_place(places: list[Place]) -> None:
    assert left_out([*places, Place("9", "new", "new", 10)]) - {"new"} == left_out(places)

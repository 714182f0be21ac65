"""Groups of checks: never too large, and left by nobody who has a place."""

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.health.shards import MOST_CHECKS, assign

shards = st.one_of(st.none(), st.integers(-1, 4))
crowds = st.lists(shards, max_size=300).map(lambda found: [(f"uid-{i}", shard) for i, shard in enumerate(found)])


def test_fifty_checks_share_a_shard_and_the_next_begins_another() -> None:
    found = assign((str(i), None) for i in range(MOST_CHECKS + 1))
    assert [found[str(i)] for i in (0, MOST_CHECKS - 1, MOST_CHECKS)] == [0, 0, 1]


@given(crowds)
def test_no_shard_has_more_than_fifty_and_every_check_has_one(crowd: list[tuple[str, int | None]]) -> None:
    found = assign(crowd)
    assert set(found) == {uid for uid, _ in crowd}
    sizes = [list(found.values()).count(shard) for shard in set(found.values())]
    assert all(size <= MOST_CHECKS for size in sizes)
    assert all(shard >= 0 for shard in found.values())


@given(crowds)
def test_a_check_stays_where_it_is(crowd: list[tuple[str, int | None]]) -> None:
    first = assign(crowd)
    again = assign([(uid, first[uid]) for uid, _ in crowd])
    assert again == first


@given(crowds)
def test_a_new_check_moves_no_other(crowd: list[tuple[str, int | None]]) -> None:
    first = assign(crowd)
    settled = [(uid, first[uid]) for uid, _ in crowd]
    assert {**assign([*settled, ("new", None)]), "new": 0} == {**first, "new": 0}


def test_a_place_that_became_free_is_taken_before_another_shard_is_begun() -> None:
    crowd: list[tuple[str, int | None]] = [(str(i), i // MOST_CHECKS) for i in range(2 * MOST_CHECKS)]
    del crowd[7]
    assert assign([*crowd, ("new", None)])["new"] == 0

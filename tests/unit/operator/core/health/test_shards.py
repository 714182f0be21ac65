"""Groups of checks: never too large, and left by nobody who has a place."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.health.shards import MOST_CHECKS, MOST_MOVES, SPARE, assign, compacted

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


def anywhere(uid: str, shard: int) -> bool:
    return True


@given(crowds)
def test_shards_that_are_hardly_used_empty_one_after_another_by_few_moves_at_a_time(
    crowd: list[tuple[str, int | None]],
) -> None:
    before = assign(crowd)
    for _ in range(60):
        after = compacted(before, anywhere)
        assert sum(after[uid] != before[uid] for uid in before) <= MOST_MOVES
        assert max(Counter(after.values()).values(), default=0) <= MOST_CHECKS
        if after == before:
            break
        before = assign([(uid, after[uid]) for uid, _ in crowd])
        assert before == after
    else:
        raise AssertionError("it goes on for ever")
    used = len(set(after.values()))
    assert used <= 1 or len(after) > SPARE * MOST_CHECKS * (used - 1)


def test_after_a_shard_was_emptied_many_new_checks_begin_no_other() -> None:
    few = {str(i): i % 2 for i in range(int(SPARE * MOST_CHECKS))}
    while (after := compacted(few, anywhere)) != few:
        few = dict(after)
    assert len(set(few.values())) == 1
    more = assign([*few.items(), *((f"new-{i}", None) for i in range(MOST_CHECKS - len(few)))])
    assert len(set(more.values())) == 1


def test_shards_of_which_all_are_needed_stay() -> None:
    full = {str(i): i % 2 for i in range(int(SPARE * MOST_CHECKS) + 1)}
    assert compacted(full, anywhere) == full


def test_a_check_moves_only_where_it_fits() -> None:
    crowd = {"a": 0, "b": 0, "c": 0, "d": 3, "e": 3}
    assert compacted(crowd, lambda uid, shard: uid == "d") == {**crowd, "d": 0}

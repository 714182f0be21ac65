"""Votes of data centres that may be silent: whether they count or not, a verdict that changes would have changed."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.health.quorum import Quorum, Vote, quorum
from shield_proxy.config.checks.health import Health

UP, DOWN, UNKNOWN = Health.HEALTHY, Health.UNHEALTHY, Health.UNKNOWN
REGIONS = "abc"
healths = st.sampled_from(Health)
some_votes = st.lists(
    st.builds(Vote, st.sampled_from(REGIONS), st.sampled_from("123456"), healths, st.just("TCP Timeout")),
    max_size=10,
    unique_by=lambda vote: (vote.region, vote.data_center),
)
befores = st.builds(Quorum, healths, st.dictionaries(st.sampled_from(REGIONS), healths))


def vote(region: str, health: Health, data_center: str = "1") -> Vote:
    return Vote(region, data_center, health, "TCP Timeout" if health is DOWN else "")


def parts(votes: Sequence[Vote]) -> Iterator[tuple[Vote, ...]]:
    """All selections of them."""
    for count in range(len(votes) + 1):
        yield from combinations(votes, count)


@given(some_votes, befores, st.integers(0, 6))
def test_a_region_says_what_it_would_say_whoever_is_silent_and_else_what_it_said(
    cast: list[Vote], before: Quorum, count: int
) -> None:
    unsure, sure = cast[:count], cast[count:]
    found = quorum(sure, before, unsure)
    for name in REGIONS:
        stood = before.regions.get(name, UNKNOWN)
        may = {quorum([*sure, *part], before).regions.get(name, UNKNOWN) for part in parts(unsure)}
        assert found.regions.get(name, UNKNOWN) is (may.pop() if len(may) == 1 else stood)


@given(some_votes, befores, st.integers(0, 6))
def test_the_verdict_changes_only_to_what_it_would_be_whoever_is_silent(
    cast: list[Vote], before: Quorum, count: int
) -> None:
    """But for regions that had no verdict, and are not sure of one yet: nobody waits for them."""
    unsure, sure = cast[:count], cast[count:]
    found = quorum(sure, before, unsure)
    for name in REGIONS:
        may = {quorum([*sure, *part], before).regions.get(name, UNKNOWN) for part in parts(unsure)}
        if len(may) > 1 and before.regions.get(name, UNKNOWN) is UNKNOWN:
            unsure = [each for each in unsure if each.region != name]
            sure = [each for each in sure if each.region != name]
    if found.health is not before.health:
        assert {quorum([*sure, *part], before).health for part in parts(unsure)} == {found.health}


@given(some_votes, befores, st.integers(0, 6))
def test_asking_again_changes_nothing(cast: list[Vote], before: Quorum, count: int) -> None:
    once = quorum(cast[count:], before, cast[:count])
    assert quorum(cast[count:], once, cast[:count]) == once


def test_who_agrees_with_those_that_are_heard_holds_nothing_up() -> None:
    before = Quorum(UP, dict.fromkeys("abc", UP))
    assert quorum([vote("a", DOWN), vote("b", DOWN)], before, [vote("c", DOWN)]).health is DOWN
    assert quorum([vote("a", DOWN), vote("b", DOWN)], before, [vote("c", UP)]).health is DOWN


def test_a_region_that_was_silent_before_holds_nobody_up() -> None:
    before = Quorum(UP, {"a": UP, "b": UNKNOWN})
    assert quorum([vote("a", DOWN)], before, [vote("b", UP)]).health is DOWN


def test_two_that_turn_round_at_once_are_not_told_when_one_of_them_is_known() -> None:
    before = Quorum(UP, {"a": UP, "b": DOWN, "c": UP})
    assert quorum([vote("a", DOWN), vote("c", UP)], before, [vote("b", UP)]).health is UP


def test_a_verdict_that_stands_by_unsure_votes_alone_has_their_cause() -> None:
    cause = vote("a", DOWN)
    assert quorum([], Quorum(DOWN, {"a": DOWN}), [cause]).cause == cause

"""One verdict of many: majorities of majorities, ties that change nothing, silence that is no opinion."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.health.quorum import Quorum, Vote, majority, quorum
from shield_proxy.config.checks.health import Health

UP, DOWN, UNKNOWN = Health.HEALTHY, Health.UNHEALTHY, Health.UNKNOWN
REASONS = ("TCP Timeout", "Response code mismatch error", "DNS Unknown Host")


def votes(**regions: str) -> list[Vote]:
    """A letter for each data centre of a region: u(p), d(own), ? for one that has no opinion yet."""
    of = {"u": UP, "d": DOWN, "?": UNKNOWN}
    return [
        Vote(region, f"{region}/{number}", of[letter], REASONS[0] if letter == "d" else "")
        for region, letters in regions.items()
        for number, letter in enumerate(letters)
    ]


healths = st.sampled_from(Health)
some_votes = st.lists(
    st.builds(
        Vote, st.sampled_from("abc"), st.sampled_from("12345"), healths, st.sampled_from(REASONS), st.just("detail")
    ),
    max_size=12,
    unique_by=lambda vote: (vote.region, vote.data_center),
)
befores = st.builds(Quorum, healths, st.dictionaries(st.sampled_from("abcd"), healths))


def test_a_region_of_many_has_one_vote_like_one_of_few() -> None:
    found = quorum(votes(eu="ddd", us="u", asia="u"), Quorum())
    assert (found.health, found.regions) == (UP, {"asia": UP, "eu": DOWN, "us": UP})


def test_the_majority_of_a_regions_data_centres_is_the_regions() -> None:
    assert quorum(votes(eu="ddu"), Quorum(UP, {"eu": UP})).health is DOWN
    assert quorum(votes(eu="duu"), Quorum(UP, {"eu": UP})).health is UP


def test_one_of_two_data_centres_changes_nothing() -> None:
    for before in (UP, DOWN):
        assert quorum(votes(eu="du"), Quorum(before, {"eu": before})).health is before
        assert quorum(votes(eu="d", us="u"), Quorum(before, {"eu": before, "us": before})).health is before


def test_who_is_divided_from_the_start_has_no_opinion() -> None:
    found = quorum(votes(eu="du", us="u"), Quorum())
    assert (found.health, found.regions["eu"]) == (UP, UNKNOWN)
    assert quorum(votes(eu="du"), Quorum()).health is UNKNOWN


def test_who_is_silent_does_not_keep_the_others_from_deciding() -> None:
    assert quorum(votes(eu="d", us="?", asia="?"), Quorum(UP)).health is DOWN


@given(befores)
def test_where_nobody_reports_nothing_is_known(before: Quorum) -> None:
    for nobody in ([], votes(eu="??", us="?")):
        assert quorum(nobody, before) == Quorum()


@given(some_votes, befores, st.randoms())
def test_the_order_of_votes_does_not_matter(cast: list[Vote], before: Quorum, random: st.DataObject) -> None:
    shuffled = list(cast)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert quorum(shuffled, before) == quorum(cast, before)


@given(some_votes, befores)
def test_asking_again_changes_nothing(cast: list[Vote], before: Quorum) -> None:
    once = quorum(cast, before)
    assert quorum(cast, once) == once


@given(some_votes, befores)
def test_all_of_one_mind_decide_whatever_was_before(cast: list[Vote], before: Quorum) -> None:
    for mind in (UP, DOWN):
        if cast:
            assert quorum([replace(vote, health=mind) for vote in cast], before).health is mind


@given(some_votes, befores, st.data())
def test_a_vote_that_turns_bad_never_makes_the_verdict_better(
    cast: list[Vote], before: Quorum, data: st.DataObject
) -> None:
    worse = {UP: 2, UNKNOWN: 1, DOWN: 0}
    healthy = [number for number, vote in enumerate(cast) if vote.health is UP]
    if healthy:
        number = data.draw(st.sampled_from(healthy))
        turned = [replace(vote, health=DOWN) if i == number else vote for i, vote in enumerate(cast)]
        assert worse[quorum(turned, before).health] <= worse[quorum(cast, before).health]


@given(some_votes, befores)
def test_an_unhealthy_verdict_has_the_cause_that_most_give(cast: list[Vote], before: Quorum) -> None:
    found = quorum(cast, before)
    blamed = [vote for vote in cast if vote.health is DOWN and found.regions.get(vote.region) is DOWN]
    if found.health is not DOWN or not blamed:
        assert found.cause is None
    else:
        assert found.cause in blamed
        reasons = [vote.reason for vote in blamed]
        assert reasons.count(found.cause.reason) == max(map(reasons.count, reasons))


@given(st.lists(healths, max_size=9), healths)
def test_a_strict_majority_of_those_with_an_opinion_decides(voices: list[Health], before: Health) -> None:
    found = majority(voices, before)
    for mind, other in ((UP, DOWN), (DOWN, UP)):
        if voices.count(mind) > voices.count(other):
            assert found is mind

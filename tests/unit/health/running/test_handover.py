"""Whatever runs do to one another, no slot is probed twice, and none is skipped while a run lives."""

import math
import random
from dataclasses import replace

from hand_over_world import World, check
from hypothesis import given, settings
from hypothesis import strategies as st

from shield_proxy.config.checks.contract import LEASE_SECONDS
from shield_proxy.health.running.handover import (
    LEAD,
    POLITE,
    SETTLING,
    Act,
    Tenure,
    decide,
    ending,
    observed,
    promising,
)
from shield_proxy.health.running.lease import Lease

NOW = 1_700_000_000.0
INTERVALS = (10.0, 13.0, 30.0, 60.0)
pauses = st.floats(0, 60)
seeds = st.integers(0, 1 << 32)


def world(seed: int, loses: float = 0.0) -> World:
    return World(random.Random(seed), [check(i, interval) for i, interval in enumerate(INTERVALS)], loses)


@settings(max_examples=30)
@given(seeds, st.lists(st.tuples(pauses, st.sampled_from(["start", "start", "terminate"])), max_size=8))
def test_runs_that_hand_over_or_are_told_to_end_probe_every_slot_once(
    seed: int, events: list[tuple[float, str]]
) -> None:
    ours = world(seed)
    ours.start()
    for pause, kind in events:
        ours.go_on(pause)
        getattr(ours, kind)()
    ours.go_on(60)
    assert ours.expected()
    assert [slot for slot in ours.expected() if ours.begun[slot] != 1] == []
    assert max(ours.begun.values()) == 1
    assert ours.ended_unsettled or ours.counted() == sum(ours.begun.values())


@settings(max_examples=30)
@given(seeds, st.lists(st.tuples(pauses, st.sampled_from(["start", "start", "terminate", "kill"])), max_size=8))
def test_with_deaths_and_lost_writes_no_slot_is_doubled_and_only_those_after_a_death_are_skipped(
    seed: int, events: list[tuple[float, str]]
) -> None:
    ours = world(seed, loses=0.1)
    ours.start()
    for pause, kind in events:
        ours.go_on(pause)
        getattr(ours, kind)()
        if not ours.staying():
            ours.start()
    ours.go_on(90)
    assert max(ours.begun.values(), default=1) == 1
    skipped = [slot for slot in ours.expected() if not ours.begun[slot]]
    late = ours.missed + sum(actor.missed for actor in ours.actors)
    unexplained = [slot for slot in skipped if not any(a < slot[1] <= b for a, b in ours.gaps)]
    assert len(unexplained) <= late


def held(by: str = "a", **changes: object) -> Lease:
    return Lease("5", **{"holder": by, "renewed": NOW, "after": NOW, **changes})  # type: ignore[arg-type]


def holder(lease: Lease, now: float = NOW) -> Tenure:
    return observed(Tenure("a"), lease, now)


def test_a_run_that_finds_a_live_holder_asks_to_be_next() -> None:
    assert decide(Tenure("b"), held(), NOW + 5, 0, True).act is Act.ASK


def test_a_run_that_finds_nobody_begins_at_once() -> None:
    assert decide(Tenure("b"), Lease("1"), NOW, 0, True).act is Act.CLAIM
    assert decide(Tenure("b"), None, NOW, 0, True).act is Act.CREATE


def test_a_run_that_does_not_know_its_checks_yet_wants_no_slots() -> None:
    for lease in (None, Lease("1"), held(), held(successor="b", granted=NOW + 3)):
        assert decide(Tenure("b"), lease, NOW, 99, True, knows=False).act is Act.WAIT
    assert decide(ending(Tenure("b"), NOW), held(successor="b"), NOW, 0, True, knows=False).act is Act.WITHDRAW


def test_slots_that_a_run_left_when_it_ended_are_the_next_ones() -> None:
    for left in (NOW - 4, NOW + 1):  # by another clock
        step = decide(Tenure("b"), Lease("1", after=left, renewed=NOW - 4), NOW, 0, True)
        assert (step.act, step.at) == (Act.CLAIM, left)
    assert decide(Tenure("b"), Lease("1", after=NOW + 9999), NOW, 0, True).at == NOW


def test_the_holder_grants_slots_that_are_not_yet_come() -> None:
    lease = held(successor="b")
    step = decide(holder(lease), lease, NOW + 5, 0, False)
    assert (step.act, step.at) == (Act.GRANT, NOW + 5 + LEAD)


def test_of_grants_that_may_have_been_written_the_first_is_kept_to() -> None:
    lease = held(successor="b")
    mine = promising(holder(lease), lease, NOW + 3)
    mine = promising(observed(mine, lease, NOW + 5), lease, NOW + 8)
    assert observed(mine, lease, NOW + 6).until == NOW + 3
    assert observed(mine, replace(lease, version="6", successor="b", granted=NOW + 8), NOW + 6).until == NOW + 8
    assert observed(mine, replace(lease, version="6", successor=""), NOW + 6).until == math.inf


def test_a_run_that_is_told_to_end_before_its_slots_begin_leaves_those_before_to_their_owner() -> None:
    taken = held("b", after=NOW + 3)
    mine = observed(ending(Tenure("b"), NOW + 1), taken, NOW + 2)
    step = decide(mine, taken, NOW + 2, 0, True)
    assert (step.act, step.at) == (Act.RELEASE, NOW + 3)


def test_a_grant_that_nobody_takes_is_revoked() -> None:
    lease = held(successor="b", granted=NOW + 3)
    assert holder(lease).until == NOW + 3
    assert decide(holder(lease), lease, NOW + 3, 0, True).act is Act.REVOKE


def test_who_was_let_takes_the_lease() -> None:
    assert decide(Tenure("b"), held(successor="b", granted=NOW + 3), NOW, 0, True).act is Act.TAKE


def test_a_third_run_waits_for_the_second_and_then_asks_it() -> None:
    third = Tenure("c")
    assert decide(third, held(successor="b"), NOW + 1, 0, True).act is Act.WAIT
    assert decide(third, held("b"), NOW + 2, 0, True).act is Act.ASK


def test_the_holder_says_its_last_words_when_its_probes_have_ended() -> None:
    mine = holder(held(successor="b", granted=NOW + 3))
    taken = held("b", after=NOW + 3, predecessor="a")
    left = observed(mine, taken, NOW + 1)
    assert left.until == NOW + 3
    assert decide(left, taken, NOW + 2, 0, True).act is Act.WAIT
    assert decide(left, taken, NOW + 4, 0, False).act is Act.WAIT
    assert decide(left, taken, NOW + 4, 0, True).act is Act.LAST_WORDS
    assert decide(left, held("b", after=NOW + 3), NOW + 5, 0, True).act is Act.LEAVE


def test_a_holder_lets_nobody_follow_before_it_knows_what_was_counted() -> None:
    lease = held(predecessor="z", successor="b")
    assert decide(holder(lease), lease, NOW + 1, 0, True).act is Act.WAIT
    assert decide(holder(lease), lease, NOW + SETTLING, 0, True).act is Act.SETTLE


def test_a_silent_holder_is_replaced() -> None:
    waiting = Tenure("b")
    assert decide(waiting, held(successor="b"), NOW + 20, LEASE_SECONDS - 1, True).act is Act.WAIT
    assert decide(waiting, held(successor="b"), NOW + 20, LEASE_SECONDS, True).act is Act.CLAIM
    assert decide(waiting, held(), NOW + LEASE_SECONDS + 5, 0, True).act is Act.CLAIM


def test_a_run_that_was_replaced_stops_at_once() -> None:
    mine = observed(holder(held()), held("b"), NOW + 50)
    assert mine.until == NOW + 50
    assert decide(mine, held("b"), NOW + 51, 0, False).act is Act.LEAVE


def test_a_run_that_is_told_to_end_releases_the_lease_up_to_then() -> None:
    mine = ending(holder(held()), NOW + 7)
    assert decide(mine, held(), NOW + 7, 0, False).act is Act.WAIT
    step = decide(mine, held(), NOW + 8, 0, True)
    assert (step.act, step.at) == (Act.RELEASE, NOW + 7)
    assert decide(mine, held(), NOW + 7 + POLITE, 0, False).act is Act.RELEASE
    assert decide(mine, Lease("6", after=NOW + 7), NOW + 8, 0, True).act is Act.LEAVE


def test_a_run_that_is_told_to_end_before_its_turn_asks_no_more() -> None:
    mine = ending(Tenure("b"), NOW)
    assert decide(mine, held(successor="b"), NOW, 0, True).act is Act.WITHDRAW
    assert decide(mine, held(), NOW, 0, True).act is Act.LEAVE


def test_a_lease_that_was_emptied_or_deleted_is_taken_again_without_a_gap() -> None:
    mine = observed(holder(held()), Lease("9"), NOW + 7)
    step = decide(mine, Lease("9"), NOW + 7, 0, True)
    assert (step.act, step.at) == (Act.CLAIM, NOW + 7)
    again = observed(mine, held(after=NOW + 7), NOW + 8)
    assert (again.after, again.until) == (NOW, math.inf)
    assert decide(holder(held()), None, NOW + 7, 0, True).act is Act.CREATE

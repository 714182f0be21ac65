"""The choice of a data centre from measurements."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from shield_operator.core.assignment import (
    HOLD_SECONDS,
    PATIENCE_SECONDS,
    Reason,
    beats,
    choose_runner_up,
    first_choice,
    next_choice,
)
from shield_operator.core.latency import Seen
from shield_operator.core.world import Challenge

KEYS = ("eu/a", "eu/b", "us/a", "us/b")


def seen(**milliseconds):
    """eu_a=5.0 -> what eu/a sees; None fails."""
    return {
        key.replace("_", "/"): Seen(None, "timeout") if ms is None else Seen(ms / 1000)
        for key, ms in milliseconds.items()
    }


def follow(incumbent, times, seconds):
    """Who is the upper tier after so many plans, one a second; `times(t)` gives what is seen."""
    challenge, moves = None, []
    for t in range(seconds):
        verdict = next_choice(incumbent, None, KEYS, times(t), challenge, float(t))
        challenge = verdict.challenge
        if verdict.choice is not None:
            incumbent = verdict.choice.data_center
            moves.append((t, incumbent, verdict.choice.reason))
    return incumbent, moves


def test_the_first_choice_is_the_lowest_once_all_are_measured():
    assert first_choice(KEYS, seen(eu_a=5, eu_b=4, us_a=80), waited=1) is None
    choice = first_choice(KEYS, seen(eu_a=5, eu_b=4, us_a=80, us_b=90), waited=1)
    assert (choice.data_center, choice.reason, choice.seconds) == ("eu/b", Reason.MEASURED, 0.004)


def test_the_first_choice_waits_for_enough_samples_and_for_those_that_fail():
    found = seen(eu_a=5, eu_b=4, us_a=80, us_b=90)
    assert first_choice(KEYS, {**found, "eu/a": Seen(0.030, enough=False)}, waited=1) is None
    assert first_choice(KEYS, {**found, "eu/a": Seen(None, "unresolved")}, waited=1) is None
    assert first_choice(KEYS, {**found, "eu/a": Seen(None, "unresolved")}, waited=15).data_center == "eu/b"


def test_after_the_patience_the_lowest_of_what_is_measured_is_taken():
    choice = first_choice(KEYS, seen(us_a=80), waited=PATIENCE_SECONDS)
    assert (choice.data_center, choice.reason) == ("us/a", Reason.MEASURED)


def test_without_any_measurement_the_first_in_order_is_taken_after_the_patience():
    assert first_choice(KEYS, {}, waited=PATIENCE_SECONDS - 1) is None
    choice = first_choice(KEYS, {}, waited=PATIENCE_SECONDS)
    assert (choice.data_center, choice.reason, choice.seconds) == ("eu/a", Reason.NOT_MEASURED, None)


def test_one_that_is_better_by_the_margin_for_the_hold_takes_over():
    assert follow("us/a", lambda t: seen(us_a=80, eu_a=5), 40) == ("eu/a", [(int(HOLD_SECONDS), "eu/a", "Closer")])


def test_one_that_is_better_only_now_and_then_does_not():
    assert follow("us/a", lambda t: seen(us_a=80, eu_a=5 if t % 20 else 79), 200) == ("us/a", [])


def test_five_milliseconds_are_the_margin_of_near_origins_and_a_fifth_of_far_ones():
    assert beats(0.001, 0.006)
    assert not beats(0.002, 0.0065)
    assert beats(0.080, 0.100)
    assert not beats(0.090, 0.100)


def test_an_incumbent_that_cannot_connect_is_left_at_once_for_one_that_can():
    verdict = next_choice("eu/a", "us/a", KEYS, seen(eu_a=None, us_a=80, us_b=82), None, 0)
    assert (verdict.choice.data_center, verdict.choice.reason) == ("us/a", Reason.UNREACHABLE)
    assert "timeout" in verdict.choice.message


def test_an_origin_that_nobody_reaches_moves_nothing():
    nobody = seen(eu_a=None, eu_b=None, us_a=None, us_b=None)
    assert next_choice("eu/a", "us/a", KEYS, nobody, Challenge("us/a", 0), 100) == next_choice(
        "eu/a", None, KEYS, {}, None, 0
    )


def test_an_incumbent_that_vanished_is_replaced_by_its_runner_up_without_waiting():
    verdict = next_choice("eu/a", "us/a", ("us/a", "us/b"), seen(us_a=80, us_b=79), None, 0)
    assert (verdict.choice.data_center, verdict.choice.reason) == ("us/a", Reason.VANISHED)


def test_an_incumbent_without_measurements_is_left_only_after_the_hold():
    assert follow("us/a", lambda t: seen(eu_a=5), 40) == ("eu/a", [(int(HOLD_SECONDS), "eu/a", "Silent")])


def test_the_runner_up_is_never_the_assigned_one_and_is_missing_only_without_a_second_candidate():
    assert choose_runner_up("eu/a", None, ["eu/a"], {}, None, 0) == (None, None)
    assert choose_runner_up("eu/a", "eu/a", KEYS, seen(eu_a=1, us_b=7), None, 0) == ("us/b", None)


milliseconds = st.floats(0.1, 500)
views = st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), milliseconds)).map(
    lambda found: {key: Seen(None if ms is None else ms / 1000) for key, ms in found.items()}
)


@settings(max_examples=60)
@given(st.sampled_from(KEYS), milliseconds, st.integers(0, 2**32))
def test_inside_the_margin_nothing_ever_moves(incumbent, base, seed):
    rng = random.Random(seed)

    def times(_):
        noise = {key: rng.uniform(0, min(base, max(4.99, base * 0.199))) for key in KEYS}
        return {key: Seen((base - (noise[key] if key != incumbent else 0)) / 1000) for key in KEYS}

    _, moves = follow(incumbent, times, 100)
    assert moves == []


@settings(max_examples=60)
@given(st.sampled_from(KEYS), st.fixed_dictionaries(dict.fromkeys(KEYS, milliseconds)))
def test_when_all_is_stable_nobody_beats_the_assigned_one(incumbent, stable):
    constant = {key: Seen(ms / 1000) for key, ms in stable.items()}
    final, moves = follow(incumbent, lambda _: constant, 120)
    assert not any(beats(at.seconds, constant[final].seconds) for at in constant.values())
    assert len(moves) <= 1
    assert all(key == min(constant, key=lambda k: (constant[k].seconds, k)) for _, key, _ in moves)


@settings(max_examples=60)
@given(views, st.sampled_from(KEYS), st.one_of(st.none(), st.sampled_from(KEYS)), st.randoms(use_true_random=False))
def test_the_order_of_the_measurements_is_of_no_matter(found, incumbent, preferred, rng):
    items, keys = list(found.items()), list(KEYS)
    rng.shuffle(items)
    rng.shuffle(keys)
    challenge = Challenge("us/b", 0)
    one = next_choice(incumbent, preferred, KEYS, found, challenge, 31)
    assert next_choice(incumbent, preferred, keys, dict(items), challenge, 31) == one
    assert first_choice(keys, dict(items), 20) == first_choice(KEYS, found, 20)


@settings(max_examples=60)
@given(st.lists(views, min_size=1, max_size=60), st.sets(st.sampled_from(KEYS), min_size=1))
def test_whatever_is_measured_the_assigned_one_is_a_candidate_and_the_runner_up_another(rounds, candidates):
    assigned = runner_up = challenge = second = None
    for t, found in enumerate(rounds):
        if assigned is None:
            choice = first_choice(candidates, found, float(t))
        else:
            verdict = next_choice(assigned, runner_up, candidates, found, challenge, float(t))
            choice, challenge = verdict.choice, verdict.challenge
        assigned = choice.data_center if choice else assigned
        if assigned is not None:
            runner_up, second = choose_runner_up(assigned, runner_up, candidates, found, second, float(t))
            assert assigned in candidates
            assert (runner_up is None) == (len(candidates) == 1)
            assert runner_up is None or (runner_up in candidates and runner_up != assigned)

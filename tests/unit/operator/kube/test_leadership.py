"""The right to write ends by itself, and the clocks of two nodes are never compared."""

import pytest

from shield_operator.kube.leadership import LEASE_SECONDS, MOST_BELIEVED, WRITE_SECONDS, Leadership, LeaseLost, sight


class Clock:
    """Monotonic seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def lease(version: str, holder: str = "other", transitions: int = 3, **more: object) -> dict[str, object]:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": transitions, **more}
    return {"metadata": {"resourceVersion": version}, "spec": spec}


def test_nothing_may_be_written_before_the_lease_is_held() -> None:
    with pytest.raises(LeaseLost):
        Leadership().check()


def test_the_right_counts_from_when_the_renewal_was_sent() -> None:
    clock = Clock()
    leadership = Leadership(clock)
    leadership.extend(sent=90.0, transitions=4)
    clock.now = 90.0 + WRITE_SECONDS - 0.1
    leadership.check()
    clock.now = 90.0 + WRITE_SECONDS
    with pytest.raises(LeaseLost):
        leadership.check()


def test_a_process_that_was_stopped_past_its_deadline_may_write_nothing_when_it_goes_on() -> None:
    clock = Clock()
    leadership = Leadership(clock)
    leadership.extend(sent=clock.now, transitions=1)
    clock.now += 3600.0
    assert not leadership.held


def test_writes_end_well_before_another_may_lead() -> None:
    assert LEASE_SECONDS - WRITE_SECONDS >= 4


def test_an_ended_right_stays_ended_until_it_is_extended() -> None:
    clock = Clock()
    leadership = Leadership(clock)
    leadership.extend(clock.now, 1)
    leadership.end()
    assert not leadership.held


def test_a_lease_is_free_only_after_it_was_seen_unchanged_for_its_whole_duration() -> None:
    first = sight(lease("7"), None, now=50.0)
    later = sight(lease("7"), first, now=60.0)
    assert (later.at, later.free(64.9), later.free(65.0)) == (50.0, False, True)


def test_a_renewal_starts_the_wait_anew() -> None:
    first = sight(lease("7"), None, now=50.0)
    renewed = sight(lease("8"), first, now=64.0)
    assert not renewed.free(78.0)


def test_a_released_lease_is_free_at_once_and_keeps_its_count() -> None:
    seen = sight(lease("9", holder="", transitions=12), None, now=50.0)
    assert (seen.free(50.0), seen.transitions) == (True, 12)


def test_a_lease_without_a_spec_is_free() -> None:
    assert sight({"metadata": {"resourceVersion": "1"}}, None, now=1.0).free(1.0)


def test_a_forged_count_is_not_believed_but_the_leaders_own_is_however_high() -> None:
    leadership = Leadership()
    leadership.extend(0.0, 5)
    assert leadership.believes(6)
    assert leadership.believes(MOST_BELIEVED)
    assert not leadership.believes(2**31 - 2)
    leadership.extend(0.0, MOST_BELIEVED + 9)
    assert leadership.believes(MOST_BELIEVED + 9)
    assert not leadership.believes(MOST_BELIEVED + 10)

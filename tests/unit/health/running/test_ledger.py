"""What is counted and what is reported: verdicts by thresholds, news alone, across runs and changes of a check."""

from dataclasses import replace

import pytest
from givenchecks import GOOD, PLACE, REFUSED, WRONG_CODE, T, assigned
from hypothesis import given
from hypothesis import strategies as st

from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.checks.sample import Waterfall
from shield_proxy.health.counters import Counters
from shield_proxy.health.running.lease import Remembered
from shield_proxy.health.running.ledger import Ledger
from shield_proxy.health.sample import Sample

SHOP = assigned()


def settled() -> Ledger:
    ledger = Ledger()
    ledger.settle({})
    return ledger


def test_the_first_verdict_is_reported() -> None:
    change = settled().count(SHOP, GOOD)
    assert change is not None
    assert change.before is None
    assert change.entry.document(PLACE) == {
        "dataCenter": "eu/a",
        "region": "eu",
        "health": "Healthy",
        "code": 200,
        "address": "192.0.2.1",
        "roundTripMilliseconds": 12.3,
        "waterfall": {
            "dnsMilliseconds": 1.0,
            "tcpMilliseconds": 12.3,
            "firstByteMilliseconds": 20.0,
            "totalMilliseconds": 40.0,
        },
        "lastTransitionTime": "2023-11-14T22:13:20Z",
        "observedGeneration": 1,
    }


@pytest.mark.parametrize(
    ("sample", "round_trip"),
    [
        (replace(REFUSED, waterfall=Waterfall(tcp=3.06, total=3.06)), None),
        (replace(REFUSED, reason=Reason.TLS_PROTOCOL, waterfall=Waterfall(tcp=0.02, tls=0.1, total=0.12)), 20.0),
        (replace(WRONG_CODE, waterfall=Waterfall(tcp=0.02, first_byte=0.1, total=0.12)), 20.0),
    ],
)
def test_the_time_until_nobody_was_reached_is_no_round_trip(sample: Sample, round_trip: float | None) -> None:
    change = settled().count(SHOP, sample)
    assert change is not None
    assert change.entry.document(PLACE).get("roundTripMilliseconds") == round_trip


def test_more_of_the_same_is_no_news() -> None:
    ledger = settled()
    ledger.count(SHOP, GOOD)
    assert ledger.count(SHOP, replace(GOOD, at=T + 60, address="192.0.2.7")) is None


def test_a_check_that_came_from_another_shard_or_lost_its_counters_keeps_its_verdict() -> None:
    """It stays silent while nothing changes, and changes its mind after as many samples as any other."""
    first = settled().count(assigned(consecutiveFails=3), GOOD)
    assert first is not None
    moved, ledger = replace(assigned(consecutiveFails=3), entry=first.entry), settled()
    assert [ledger.count(moved, sample) for sample in (GOOD, REFUSED, REFUSED, GOOD, REFUSED, REFUSED)] == [None] * 6
    assert ledger.counters[moved.id].counters.verdict is Health.HEALTHY
    change = ledger.count(moved, REFUSED)
    assert change is not None
    assert (change.before, change.entry.verdict) == (first.entry, Health.UNHEALTHY)


def test_a_failure_tells_its_reason_and_when_it_began() -> None:
    ledger = settled()
    ledger.count(SHOP, GOOD)
    change = ledger.count(SHOP, replace(REFUSED, at=T + 60))
    assert change is not None
    assert change.before is not None
    told = change.entry.document(PLACE)
    assert (told["health"], told["reason"], told["detail"]) == ("Unhealthy", Reason.TCP_FAILED, "connection refused")
    assert told["lastTransitionTime"] == "2023-11-14T22:14:20Z"
    assert "code" not in told


def test_another_reason_is_news_that_keeps_the_time_of_the_transition() -> None:
    ledger = settled()
    ledger.count(SHOP, REFUSED)
    change = ledger.count(SHOP, replace(WRONG_CODE, at=T + 60))
    assert change is not None
    told = change.entry.document(PLACE)
    assert (told["reason"], told["code"], told["lastTransitionTime"]) == (
        Reason.CODE_MISMATCH,
        503,
        "2023-11-14T22:13:20Z",
    )


def test_a_verdict_that_needs_three_failures_is_not_made_by_two() -> None:
    patient, ledger = assigned(consecutiveFails=3), settled()
    ledger.count(patient, GOOD)
    assert ledger.count(patient, REFUSED) is None
    assert ledger.count(patient, REFUSED) is None
    assert ledger.count(patient, REFUSED) is not None


def test_one_success_that_is_not_enough_leaves_the_reason() -> None:
    patient, ledger = assigned(consecutiveSuccesses=2), settled()
    ledger.count(patient, REFUSED)
    assert ledger.count(patient, GOOD) is None
    assert ledger.count(patient, REFUSED) is None


def test_nothing_is_reported_while_nothing_is_known() -> None:
    assert settled().count(assigned(consecutiveFails=2), REFUSED) is None


def test_a_changed_check_keeps_its_verdict_but_counts_anew() -> None:
    patient, ledger = assigned(consecutiveFails=2), settled()
    ledger.count(patient, GOOD)
    ledger.count(patient, REFUSED)
    changed = replace(patient, generation=2)
    first = ledger.count(changed, REFUSED)
    assert first is not None
    assert (first.entry.verdict, first.entry.generation) == (Health.HEALTHY, 2)
    second = ledger.count(changed, REFUSED)
    assert second is not None
    assert second.entry.verdict is Health.UNHEALTHY


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 20), st.integers(1, 4), st.integers(1, 4))
def test_counters_that_are_handed_over_come_to_what_one_run_would_have_counted(
    outcomes: list[bool], after: int, fails: int, successes: int
) -> None:
    check = assigned(consecutiveFails=fails, consecutiveSuccesses=successes)
    samples: list[Sample] = [GOOD if each else REFUSED for each in outcomes]
    alone, first, second = settled(), settled(), Ledger()
    for sample in samples:
        alone.count(check, sample)
    for sample in samples[after:]:
        second.count(check, sample)
    for sample in samples[:after]:
        first.count(check, sample)
    second.settle(first.counters)
    assert second.counters == alone.counters


def test_samples_that_wait_for_the_run_before_report_nothing_until_it_has_said_its_last_words() -> None:
    ledger = Ledger()
    assert ledger.count(SHOP, REFUSED) is None
    changes = ledger.settle({SHOP.id: Remembered(Counters(Health.HEALTHY, 0, 5), 1)})
    assert [change.entry.verdict for change in changes] == [Health.UNHEALTHY]


def test_an_entry_that_its_status_lost_is_said_again() -> None:
    ledger = settled()
    change = ledger.count(SHOP, GOOD)
    assert change is not None
    assert [each.entry for each in ledger.unsaid([SHOP])] == [change.entry]
    assert ledger.unsaid([replace(SHOP, entry=change.entry)]) == []


def test_an_entry_that_was_no_news_is_said_when_the_run_before_has_written_another_meanwhile() -> None:
    good, bad = settled().count(SHOP, GOOD), settled().count(SHOP, REFUSED)
    assert good is not None
    assert bad is not None
    ledger = settled()
    assert ledger.count(replace(SHOP, entry=good.entry), GOOD) is None
    assert [each.entry.verdict for each in ledger.unsaid([replace(SHOP, entry=bad.entry)])] == [Health.HEALTHY]


def test_a_check_that_is_gone_is_forgotten() -> None:
    ledger = settled()
    ledger.count(SHOP, GOOD)
    ledger.keep([])
    assert ledger.counters == {}
    assert ledger.unsaid([SHOP]) == []

"""Which reports are news, and who gets the record pushed."""

from dataclasses import replace

import pytest

from shield_operator.core.world import Report
from shield_operator.kube.collect import behind, news
from shield_operator.kube.record import encode
from shield_proxy.config.record import digest_of
from shield_proxy.config.reports import Acknowledgement, Measurement
from shield_proxy.config.state import FleetState
from shield_proxy.config.version import SCHEMA

SAID = Acknowledgement(schema=1, generation=7, lease=3, version="0.1.0", confirmed=True)
MEASURED = Measurement("uid", "main", 0.040, samples=5, age_seconds=1.0)


def report(said: Acknowledgement = SAID, *measured: Measurement) -> Report:
    return Report(said, measured or (MEASURED,))


def test_equal_reports_are_no_news() -> None:
    assert not news({"a": report()}, {"a": report(SAID, replace(MEASURED, age_seconds=9.0, samples=4))})


def test_a_pod_that_comes_or_falls_silent_is_news() -> None:
    assert news({}, {"a": report()})
    assert news({"a": report()}, {})


def test_an_acknowledgement_is_news() -> None:
    assert news({"a": report()}, {"a": report(replace(SAID, generation=8))})


@pytest.mark.parametrize(
    ("after", "is_news"), [(0.0401, False), (0.0419, False), (0.043, True), (0.030, True), (None, True)]
)
def test_a_latency_is_news_when_it_moved_by_more_than_a_twentieth(after: float | None, is_news: bool) -> None:
    changed = replace(MEASURED, connect_seconds=after)
    assert news({"a": report()}, {"a": report(SAID, changed)}) == is_news


def test_half_a_millisecond_is_never_news() -> None:
    near = replace(MEASURED, connect_seconds=0.0002)
    assert not news({"a": report(SAID, near)}, {"a": report(SAID, replace(near, connect_seconds=0.0006))})


def test_a_first_measurement_and_another_error_are_news() -> None:
    failing = replace(MEASURED, connect_seconds=None, error="timeout")
    assert news({"a": Report(SAID)}, {"a": report()})
    assert news({"a": report(SAID, failing)}, {"a": report(SAID, replace(failing, error="refused"))})


@pytest.mark.parametrize(
    ("lease", "generation", "confirmed", "gets_it"),
    [
        (3, 7, True, False),
        (3, 7, False, True),
        (3, 6, True, True),
        (2, 9, True, True),
        (3, 8, True, False),
        (4, 1, True, False),
    ],
)
def test_the_record_goes_to_pods_that_hold_less_or_are_unconfirmed(
    lease: int, generation: int, confirmed: bool, gets_it: bool
) -> None:
    held = encode(FleetState("shop", "default", generation=7, lease=3), SCHEMA)
    said = replace(SAID, lease=lease, generation=generation, confirmed=confirmed)
    assert behind(Report(said), held) == gets_it
    assert not behind(Report(said), None)


def test_the_record_goes_to_pods_that_hold_other_bytes_of_its_generation() -> None:
    held = encode(FleetState("shop", "default", generation=7, lease=3), SCHEMA)
    assert behind(Report(replace(SAID, digest="0" * 64)), held)
    assert not behind(Report(replace(SAID, digest=digest_of(held.content))), held)

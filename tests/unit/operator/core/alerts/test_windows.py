"""Times in which nothing is told, and what is told when they end."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shield_operator.core.alerts.windows import DAYS, Single, Weekly, next_change, silent_until

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(range(7))


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def weekly(start: str, minutes: int, days: frozenset[int] = EVERY_DAY, zone: Any = UTC) -> Weekly:
    return Weekly(time.fromisoformat(start), minutes, days, zone)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-05-01T01:59:59Z", None),
        ("2026-05-01T02:00:00Z", "2026-05-01T03:00:00Z"),
        ("2026-05-01T02:59:59Z", "2026-05-01T03:00:00Z"),
        ("2026-05-01T03:00:00Z", None),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(now: str, until: str | None) -> None:
    window = Single(at("2026-05-01T02:00:00Z"), at("2026-05-01T03:00:00Z"))
    assert silent_until([window], at(now)) == (at(until) if until else None)
    assert silent_until([weekly("02:00", 60)], at(now)) == (at(until) if until else None)


def test_of_windows_that_overlap_the_last_end_counts() -> None:
    windows = [weekly("02:00", 60), weekly("02:30", 60)]
    assert silent_until(windows, at("2026-05-01T02:45:00Z")) == at("2026-05-01T03:30:00Z")


def test_a_window_may_last_into_the_next_day_and_begins_on_its_days_alone() -> None:
    saturday = [weekly("23:00", 120, frozenset({DAYS.index("Sat")}))]
    assert silent_until(saturday, at("2026-05-02T22:59:00Z")) is None
    assert silent_until(saturday, at("2026-05-03T00:30:00Z")) == at("2026-05-03T01:00:00Z")
    assert silent_until(saturday, at("2026-05-03T23:30:00Z")) is None
    assert next_change(saturday, at("2026-05-03T01:00:00Z")) == at("2026-05-09T23:00:00Z")


@pytest.mark.parametrize(
    ("day", "start"),
    [
        ("2026-01-15", "2026-01-15T01:30:00Z"),
        ("2026-07-15", "2026-07-15T00:30:00Z"),
        # Clocks go from 2:00 to 3:00: there is no 2:30, it is 3:30.
        ("2026-03-29", "2026-03-29T01:30:00Z"),
        # Clocks go from 3:00 to 2:00: of two 2:30 the first counts.
        ("2026-10-25", "2026-10-25T00:30:00Z"),
    ],
)
def test_the_clocks_of_the_zone_decide(day: str, start: str) -> None:
    window = [weekly("02:30", 30, zone=BERLIN)]
    assert next_change(window, at(f"{day}T00:00:00+01:00")) == at(start)
    assert silent_until(window, at(start) + 29 * 60) == at(start) + 30 * 60
    assert silent_until(window, at(start) + 30 * 60) is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.times(),
    st.integers(1, 10080),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"]),
)
def test_what_is_said_of_a_moment_holds_until_the_next_change(
    moment: datetime, start: time, minutes: int, days: frozenset[int], zone: str
) -> None:
    windows = [Weekly(start.replace(second=0, microsecond=0, tzinfo=None), minutes, days, ZoneInfo(zone))]
    now = moment.replace(tzinfo=UTC).timestamp()
    change, until = next_change(windows, now), silent_until(windows, now)
    assert change is not None
    assert now < change <= now + 8 * 86400
    assert until is None or until > now
    just_before = (now + 2 * change) / 3
    assert (silent_until(windows, just_before) is None) == (until is None)


def test_nothing_is_told_inside_and_what_still_holds_afterwards_at_its_end(street: Any) -> None:
    window = {"start": "2026-09-21T14:20:00Z", "end": "2026-09-21T14:30:00Z"}
    street.edit(maintenanceWindows=[window])
    street.verdicts["origin"] = "Unhealthy"
    street.settle()
    assert street.heard() == [("origin", "START")]
    street.now = at("2026-09-21T14:20:00Z")
    street.verdicts.update(origin="Healthy", database="Unhealthy")
    street.settle()
    assert street.heard() == [("origin", "START")]
    assert street.told() == ["origin"]
    assert street.condition() == ("True", "Maintenance")
    assert "until 2026-09-21T14:30:00Z" in street.full_condition()["message"]
    street.now = at("2026-09-21T14:29:59Z")
    plan = street.step(0)
    assert street.queue() == ()
    assert 1.0 <= plan.again_after <= 1.2
    street.now += plan.again_after
    street.settle()
    assert sorted(street.heard()[1:]) == [("database", "START"), ("origin", "END")]
    assert street.condition() == ("True", "Watching")


def test_what_comes_and_goes_inside_is_never_told(street: Any) -> None:
    street.edit(maintenanceWindows=[{"start": "2026-09-21T14:00:00Z", "end": "2026-09-21T14:30:00Z"}])
    for verdict in ("Unhealthy", "Healthy", "Unhealthy", "Healthy"):
        street.verdicts["origin"] = verdict
        street.settle()
        street.now += 20
    street.now = at("2026-09-21T14:30:00Z")
    street.settle()
    assert street.heard() == []


def test_what_waits_when_a_window_begins_is_delivered(street: Any) -> None:
    street.broken = {"hook"}
    street.verdicts["origin"] = "Unhealthy"
    street.step()
    street.edit(maintenanceWindows=[{"at": "00:00", "minutes": 1440}])
    street.step()
    street.broken = set()
    street.settle()
    assert street.heard() == [("origin", "START")]
    assert street.queue() == ()


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-05-01T02:00:00Z", "9999-12-31T23:59:59-12:00"), ("0001-01-01T00:00:00+12:00", "2026-05-01T02:00:00Z")],
)
def test_a_window_beyond_the_calendar_is_ignored_and_ends_no_plan(street: Any, start: str, end: str) -> None:
    street.edit(maintenanceWindows=[{"start": start, "end": end}])
    street.step()
    assert street.condition() == ("False", "WindowIgnored")


def test_a_window_may_last_as_long_as_the_calendar(street: Any) -> None:
    street.edit(maintenanceWindows=[{"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"}])
    street.step()
    assert "until 9999-12-31T23:59:59Z" in street.full_condition()["message"]

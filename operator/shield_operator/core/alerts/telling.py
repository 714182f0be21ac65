"""Notifications of what happened to a check. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from shield_operator.core.alerts.told import Told, digest
from shield_operator.core.alerts.world import Watched
from shield_operator.core.conditions import HEALTHY, condition
from shield_operator.core.health.decode import health_of, sequence
from shield_operator.core.health.world import CheckObject
from shield_proxy.config.alerts.contract import MOST_TEXT
from shield_proxy.config.alerts.notification import Event, Notification
from shield_proxy.config.checks.check import CheckType
from shield_proxy.config.checks.health import Health
from shield_proxy.config.reading import InvalidField

MOST_REGIONS = 64
ID_DIGITS = 16


def notification(event: Event, watched: Watched, failure: Told, timestamp: str) -> Notification:
    """That a check's failure began, or ended. Of the same end of the same failure it has the same id."""
    check, after = watched.check, watched.after
    entry = next(_speakers(watched), {})
    code = entry.get("code")
    return Notification(
        id=identity(event, failure),
        event=event,
        correlation_id=failure.correlation_id,
        time=timestamp,
        changed=watched.changed or timestamp,
        check=check.name,
        check_id=check_id_of(check.uid),
        old_status=_before(event, watched),
        new_status=watched.status,
        reason=failure.reason,
        message=str(condition(after, HEALTHY).get("message") or "")[:MOST_TEXT],
        failing_regions=_failing(after)[:MOST_REGIONS],
        address=str(entry.get("address") or "")[:64],
        expected_codes=_expected(check),
        code=code if isinstance(code, int) and not isinstance(code, bool) and code >= 0 else None,
        since=failure.since,
    )


def check_id_of(uid: str) -> str:
    """How a check is known to those who are told."""
    return uid.replace("-", "")[:32]


def identity(event: Event, failure: Told) -> str:
    """The id of the notification that a failure began, or that it ended."""
    return digest(failure.correlation_id, event)[:ID_DIGITS]


def test(alert: str, token: str, timestamp: str) -> Notification:
    """What somebody wants to see arrive."""
    return Notification(
        id=f"test-{token}",
        event=Event.TEST,
        correlation_id=digest(alert, "test", token),
        time=timestamp,
        changed=timestamp,
        message="A test of this alert: no check has changed.",
    )


def _before(event: Event, watched: Watched) -> str:
    """A failure that was told ends; one that begins may be the first that is known of a check."""
    seen = watched.check.status.get("status")
    if event is Event.END or seen in (watched.status, Health.HEALTHY):
        return str(Health.UNHEALTHY if event is Event.END else Health.HEALTHY)
    return str(Health.UNKNOWN)


def _expected(check: CheckObject) -> tuple[str, ...]:
    """What the check's responses are held against."""
    if isinstance(check.spec, InvalidField) or check.spec.type is CheckType.TCP:
        return ()
    return check.spec.http.expected_codes


def _failing(after: Mapping[str, Any]) -> tuple[str, ...]:
    regions = sequence(after.get("regions"))
    return tuple(str(item.get("name"))[:63] for item in regions if health_of(item.get("health")) is Health.UNHEALTHY)


def _speakers(watched: Watched) -> Iterator[Mapping[str, Any]]:
    """Entries of data centres that agree with the verdict; those that give its reason come first, then by name."""
    reason = watched.after.get("failureReason")
    entries = [each for each in sequence(watched.check.status.get("probes")) if each.get("health") == watched.status]
    return iter(sorted(entries, key=lambda each: (each.get("reason") != reason, str(each.get("dataCenter")))))

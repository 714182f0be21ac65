"""What is told, and what became of it, as they stand in the status of a HealthAlert. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from shield_proxy.config.alerts.contract import MOST_TEXT
from shield_proxy.config.reading import InvalidField, Reader

T = TypeVar("T")


class Event(StrEnum):
    """What a notification is about."""

    START = "START"
    """A check became unhealthy."""
    END = "END"
    """It is healthy again."""
    TEST = "TEST"
    """Somebody wants to see a notification arrive: no check changed."""


@dataclass(frozen=True, slots=True)
class Notification:
    """An entry of status.notifications, written by the operator. Times are RFC 3339 in UTC."""

    id: str
    """The same for the same change, whoever decides it."""
    event: Event
    correlation_id: str
    """The same for START and END of one failure, and of no other; 32 hexadecimal digits."""
    time: str
    """When it was decided."""
    changed: str
    """When the check's status changed; of a test, the same as `time`."""
    check: str = ""
    """Name of the check; "" of a test."""
    check_id: str = ""
    """32 hexadecimal digits; "" of a test."""
    old_status: str = ""
    new_status: str = ""
    """Healthy, Unhealthy or Unknown; "" of a test."""
    reason: str = ""
    """Of the failure, one of the 17; of END, of the failure that ended where it is known, else ""."""
    message: str = ""
    """For people: what was expected, what came, where."""
    failing_regions: tuple[str, ...] = ()
    address: str = ""
    """IP address that was probed; "" where none was come to."""
    expected_codes: tuple[str, ...] = ()
    """Of the check's responses, `200` or `2xx`; none of a check of TCP, and of a test."""
    code: int | None = None
    """Status code of the response; None where none came."""
    since: str = ""
    """When the failure began; "" of a test."""

    def to_json(self) -> dict[str, Any]:
        """The entry; what says nothing is left out."""
        out: dict[str, Any] = {
            "id": self.id,
            "event": str(self.event),
            "correlationId": self.correlation_id,
            "time": self.time,
            "changed": self.changed,
            "check": self.check,
            "checkId": self.check_id,
            "oldStatus": self.old_status,
            "newStatus": self.new_status,
            "reason": self.reason,
            "message": self.message[:MOST_TEXT],
            "failingRegions": list(self.failing_regions),
            "address": self.address,
            "expectedCodes": list(self.expected_codes),
            "since": self.since,
        }
        out = {key: value for key, value in out.items() if value}
        return out if self.code is None else {**out, "code": self.code}


@dataclass(frozen=True, slots=True)
class Delivery:
    """The last one that a target took."""

    time: str
    notification: str
    """Its id."""
    check: str
    """"" of a test."""
    event: str

    def to_json(self) -> dict[str, Any]:
        """The object; a test has no check."""
        out = {"time": self.time, "notification": self.notification, "event": self.event}
        return {**out, "check": self.check} if self.check else out


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why the last attempt of a target failed; there is none after one that succeeded."""

    time: str
    notification: str
    message: str
    """For people. No secret, no address with one in it."""
    attempts: int
    """For this notification so far."""

    def to_json(self) -> dict[str, Any]:
        """The object."""
        return {
            "time": self.time,
            "notification": self.notification,
            "message": self.message[:MOST_TEXT],
            "attempts": self.attempts,
        }


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """An entry of status.targets, written by the courier."""

    name: str
    settled: tuple[str, ...] = ()
    """Ids of queued notifications that need no more work: delivered, or given up."""
    last_delivery: Delivery | None = None
    last_error: DeliveryError | None = None
    given_up: tuple[str, ...] = ()
    """Of the settled ones, those that the target never took."""

    def to_json(self) -> dict[str, Any]:
        """The entry."""
        out: dict[str, Any] = {"name": self.name, "settled": list(self.settled)}
        if self.given_up:
            out["givenUp"] = list(self.given_up)
        if self.last_delivery is not None:
            out["lastDelivery"] = self.last_delivery.to_json()
        if self.last_error is not None:
            out["lastError"] = self.last_error.to_json()
        return out


def read_notifications(status: object) -> tuple[Notification, ...]:
    """The queue in a HealthAlert's status, the oldest first; an entry that can't be read is left out."""
    return _entries(status, "notifications", _notification)


def read_target_statuses(status: object) -> tuple[TargetStatus, ...]:
    """What a HealthAlert's status tells of its targets; an entry that can't be read is left out."""
    return _entries(status, "targets", _target_status)


def _entries(status: object, key: str, read: Callable[[Reader], T]) -> tuple[T, ...]:
    listed = status.get(key) if isinstance(status, Mapping) else None
    out: list[T] = []
    for i, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
        try:
            out.append(read(Reader(item, f"status.{key}[{i}]")))
        except InvalidField:
            continue
    return tuple(out)


def _notification(item: Reader) -> Notification:
    event = item.text("event")
    if event not in tuple(Event):
        raise InvalidField(item.at("event"), f"is none: {event[:80]!r}")
    time = item.text("time")
    return Notification(
        id=item.text("id"),
        event=Event(event),
        correlation_id=item.text("correlationId"),
        time=time,
        changed=item.text("changed", time),
        check=item.text("check", ""),
        check_id=item.text("checkId", ""),
        old_status=item.text("oldStatus", ""),
        new_status=item.text("newStatus", ""),
        reason=item.text("reason", ""),
        message=item.text("message", ""),
        failing_regions=item.texts("failingRegions"),
        address=item.text("address", ""),
        expected_codes=item.texts("expectedCodes"),
        code=item.number("code") if item.has("code") else None,
        since=item.text("since", ""),
    )


def _target_status(item: Reader) -> TargetStatus:
    return TargetStatus(
        name=item.text("name"),
        settled=item.texts("settled"),
        last_delivery=_delivery(item.section("lastDelivery")) if item.has("lastDelivery") else None,
        last_error=_error(item.section("lastError")) if item.has("lastError") else None,
        given_up=item.texts("givenUp"),
    )


def _delivery(item: Reader) -> Delivery:
    return Delivery(item.text("time"), item.text("notification"), item.text("check", ""), item.text("event"))


def _error(item: Reader) -> DeliveryError:
    return DeliveryError(item.text("time"), item.text("notification"), item.text("message"), item.number("attempts"))

"""What is told now: from what was told before, how the checks are, and what became of what waits. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shield_operator.core.alerts.queue import Queue
from shield_operator.core.alerts.telling import check_id_of, identity, notification, test
from shield_operator.core.alerts.told import Told, told_of
from shield_operator.core.alerts.windows import silent_until
from shield_operator.core.alerts.world import AlertObject, AlertSpec, Watched
from shield_proxy.config.alerts.alert import Trigger
from shield_proxy.config.alerts.notification import Event, Notification, read_notifications, read_target_statuses
from shield_proxy.config.checks.health import Health

MOST_TOLD = 2000
"""Checks that can be told to be unhealthy at once."""
WANTED = {
    Trigger.BOTH: (Event.START, Event.END),
    Trigger.UNHEALTHY: (Event.START,),
    Trigger.HEALTHY: (Event.END,),
}


@dataclass(frozen=True, slots=True)
class Lost:
    """A notification that leaves although targets never took it."""

    notification: Notification
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the alert's status shall say."""

    told: tuple[Told, ...]
    """Checks that are told to be unhealthy, the longest first."""
    waiting: tuple[Notification, ...]
    """The queue."""
    watching_since: str
    last_test: str
    matched: int
    """Checks that the alert covers."""
    added: tuple[Notification, ...] = ()
    lost: tuple[Lost, ...] = ()
    held_up: int = 0
    """Changes that are told as soon as there is room, if they still hold."""
    silent_until: float | None = None
    """When the maintenance window ends that it is in."""


def decide(alert: AlertObject, spec: AlertSpec, covered: Sequence[Watched], now: float, timestamp: str) -> Decision:
    """What is told of the checks that the alert covers. What was decided and not yet written is decided again; what was
    written, never: that a check is told to be unhealthy stands in the same write as what tells it."""
    names = [target.name for target in spec.targets]
    queue = Queue(read_notifications(alert.status), names, read_target_statuses(alert.status), now)
    desk = _Desk(queue, now, timestamp)
    desk.clear()
    since, last_test = watching_since(alert.status) or timestamp, last_test_of(alert.status)
    if alert.test and alert.test != last_test and not alert.left_out and desk.room():
        desk.tell(test(alert.uid, alert.test, timestamp))
        last_test = alert.test
    standing = {watched.check.uid for watched in covered}
    told = {each.uid: each for each in told_of(alert.status) if each.uid in standing}
    until = silent_until(spec.windows, now)
    if not spec.suspended and not alert.left_out and until is None:
        for watched in sorted(covered, key=lambda each: (each.changed, each.check.name, each.check.uid)):
            _change(watched, told, since, WANTED[spec.trigger], desk)
    return Decision(
        told=tuple(sorted(told.values(), key=lambda each: (each.since, each.check, each.uid))),
        waiting=tuple(queue.waiting),
        watching_since=since,
        last_test=last_test,
        matched=len(covered),
        added=tuple(desk.added),
        lost=tuple(desk.lost),
        held_up=desk.held_up,
        silent_until=until,
    )


def watching_since(status: Mapping[str, Any]) -> str:
    """Since when changes are told; "" while it is not known."""
    return str(status.get("watchingSince") or "")


def last_test_of(status: Mapping[str, Any]) -> str:
    """The token of the last test."""
    return str(status.get("lastTest") or "")


class _Desk:
    """Takes in what is to be told, as long as there is room."""

    def __init__(self, queue: Queue, now: float, timestamp: str) -> None:
        self.now, self.timestamp = now, timestamp
        self.added: list[Notification] = []
        self.lost: list[Lost] = []
        self.held_up = 0
        self._queue = queue
        self._beginning = {each.check_id for each in queue.waiting if each.event is Event.START}

    def clear(self) -> None:
        """What is settled, or too old, is gone."""
        self.lost += [Lost(each, self._queue.missed_by(each)) for each in self._queue.clear()]

    def untold_end(self, watched: Watched, ends: bool) -> Told | None:
        """The failure whose beginning still waits and whose end was never told, as of a check that was not covered for
        a while: it goes on, under the id by which its end will be known. Where ends are not told, only if nothing
        changed meanwhile."""
        check, queue, check_id = watched.check, self._queue, check_id_of(watched.check.uid)
        if check_id not in self._beginning:
            return None  # of a thousand that fail together most wait in no queue, and there are many queues
        for start in reversed(queue.waiting):
            if start.event is not Event.START or start.check_id != check_id:
                continue
            failure = Told(check.name, check.uid, start.since, start.correlation_id, start.reason)
            if not queue.knows(identity(Event.END, failure)) and (ends or start.since == watched.changed):
                return failure
        return None

    def failure_of(self, watched: Watched) -> Told:
        """The failure that began."""
        return Told.of(watched, self.now)

    def room(self) -> bool:
        """Whether there is room for one more. If not, a change more is held up: of a thousand that come together most
        are, in each of many alerts, and none of what they would tell need be put into words."""
        if not self.held_up and (gone := self._queue.make_room()) is not None:
            self.lost.append(Lost(gone, self._queue.missed_by(gone)))
        if self._queue.full:
            self.held_up += 1
            return False
        return True

    def tell(self, news: Notification) -> None:
        """It waits to be delivered now. There must be room."""
        if self._queue.add(news):
            self.added.append(news)


def _change(watched: Watched, told: dict[str, Told], since: str, wanted: Sequence[Event], desk: _Desk) -> None:
    uid = watched.check.uid
    before = told.get(uid)
    if watched.status == Health.UNHEALTHY and before is None and watched.changed >= since:
        if len(told) >= MOST_TOLD:
            desk.held_up += 1
        elif Event.START not in wanted:
            told[uid] = desk.failure_of(watched)
        elif (failure := desk.untold_end(watched, Event.END in wanted)) is not None:
            told[uid] = failure
        elif desk.room():
            told[uid] = desk.failure_of(watched)
            desk.tell(notification(Event.START, watched, told[uid], desk.timestamp))
    elif watched.status == Health.HEALTHY and before is not None:
        if Event.END not in wanted:
            del told[uid]
        elif desk.room():
            desk.tell(notification(Event.END, watched, before, desk.timestamp))
            del told[uid]

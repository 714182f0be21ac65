"""The notifications of an alert that wait to be delivered: which leave, and which make room. Pure."""

from collections.abc import Iterable
from datetime import datetime

from shield_proxy.config.alerts.contract import KEEP_SECONDS, MOST_NOTIFICATIONS
from shield_proxy.config.alerts.notification import Notification, TargetStatus

GIVE_WAY_SECONDS = 300
"""A notification that some target has had, and another has not taken for so long, leaves when there is no room left."""


class Queue:
    """As it stands while an alert is decided on."""

    def __init__(
        self, waiting: Iterable[Notification], targets: Iterable[str], told: Iterable[TargetStatus], now: float
    ) -> None:
        by_name = {status.name: status for status in told}
        known = [by_name.get(name) or TargetStatus(name) for name in targets]
        self._settled = {status.name: frozenset(status.settled) for status in known}
        self._given_up = {status.name: frozenset(status.given_up) for status in known}
        self._now = now
        self.waiting = list(waiting)

    def clear(self) -> list[Notification]:
        """What every target has settled is gone, and what is too old. Returns what left though a target never took
        it: whether the courier gave it up before or its age is only now too great, it leaves once."""
        gone = [each for each in self.waiting if not self.lacking(each) or self._age(each) >= KEEP_SECONDS]
        self.waiting = [each for each in self.waiting if each not in gone]
        return [each for each in gone if self.missed_by(each)]

    def make_room(self) -> Notification | None:
        """The oldest leaves of those that give way, if there is need of it. Returns it."""
        if len(self.waiting) < MOST_NOTIFICATIONS:
            return None
        for each in self.waiting:
            if self._age(each) >= GIVE_WAY_SECONDS and len(self.lacking(each)) < len(self._settled):
                self.waiting.remove(each)
                return each
        return None

    @property
    def full(self) -> bool:
        """Whether nothing more can be told now."""
        return len(self.waiting) >= MOST_NOTIFICATIONS

    def knows(self, id_: str) -> bool:
        """Whether a notification of this id waits, or a target still speaks of one."""
        return any(each.id == id_ for each in self.waiting) or any(id_ in ids for ids in self._settled.values())

    def add(self, notification: Notification) -> bool:
        """It waits to be delivered; False where it did already."""
        if any(each.id == notification.id for each in self.waiting):
            return False
        self.waiting.append(notification)
        return True

    def lacking(self, notification: Notification) -> tuple[str, ...]:
        """Targets that have not settled it."""
        return tuple(name for name, ids in self._settled.items() if notification.id not in ids)

    def missed_by(self, notification: Notification) -> tuple[str, ...]:
        """Targets that have not taken it: those that lack it, and those for which it was given up."""
        return tuple(
            name
            for name, ids in self._settled.items()
            if notification.id not in ids or notification.id in self._given_up[name]
        )

    def _age(self, notification: Notification) -> float:
        """A time that can't be read is not our own: it is as old as can be."""
        try:
            return self._now - datetime.fromisoformat(notification.time).timestamp()
        except ValueError:
            return float(KEEP_SECONDS)

"""A HealthAlert as its courier sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shield_proxy.config.alerts.alert import Target
from shield_proxy.config.alerts.decode import decode_targets
from shield_proxy.config.alerts.notification import (
    Notification,
    TargetStatus,
    read_notifications,
    read_target_statuses,
)
from shield_proxy.config.alerts.places import Place, place_of
from shield_proxy.config.reading import InvalidField

MOST_NAME, MOST_DESCRIPTION = 200, 1024
"""Characters."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What is told, and to whom."""

    name: str
    namespace: str
    uid: str
    title: str
    """The display name, in one line; without one, the name."""
    targets: tuple[Target, ...]
    queue: tuple[Notification, ...]
    """The oldest first, each id once."""
    statuses: tuple[TargetStatus, ...]
    """As the API has them."""
    description: str = ""
    """What the alert is for, in one line."""
    problem: str = ""
    """Why it has no targets; "" where it has."""
    place: Place = field(default_factory=Place)


def read_alert(resource: Mapping[str, Any]) -> Alert | None:
    """The alert; None where it has no name or uid. One with targets that can't be used has none."""
    metadata = resource.get("metadata") or {}
    name, uid = metadata.get("name"), metadata.get("uid")
    if not isinstance(name, str) or not isinstance(uid, str) or not name or not uid:
        return None
    targets: tuple[Target, ...] = ()
    problem = ""
    try:
        targets = decode_targets(resource)
    except InvalidField as error:
        problem = str(error)
    spec, status = resource.get("spec"), resource.get("status")
    display, description = (_text(spec, key) for key in ("displayName", "description"))
    queue = {notification.id: notification for notification in read_notifications(status)}
    return Alert(
        name=name,
        namespace=str(metadata.get("namespace") or ""),
        uid=uid,
        title=display[:MOST_NAME] or name,
        targets=targets,
        queue=tuple(queue.values()),
        statuses=read_target_statuses(status),
        description=description[:MOST_DESCRIPTION],
        problem=problem,
        place=place_of(resource),
    )


def _text(spec: object, key: str) -> str:
    value = spec.get(key) if isinstance(spec, Mapping) else None
    return one_line(value) if isinstance(value, str) else ""


def one_line(text: str) -> str:
    """The text without line breaks, tabs and other characters that don't print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())

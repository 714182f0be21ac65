"""A HealthAlert as its courier sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_proxy.config.alerts.alert import Target
from shield_proxy.config.alerts.decode import decode_targets
from shield_proxy.config.alerts.notification import (
    Notification,
    TargetStatus,
    read_notifications,
    read_target_statuses,
)
from shield_proxy.config.reading import InvalidField

MOST_NAME = 200
"""Characters of a display name."""


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
    problem: str = ""
    """Why it has no targets; "" where it has."""


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
    display = spec.get("displayName") if isinstance(spec, Mapping) else None
    queue = {notification.id: notification for notification in read_notifications(status)}
    return Alert(
        name=name,
        namespace=str(metadata.get("namespace") or ""),
        uid=uid,
        title=one_line(display)[:MOST_NAME] if isinstance(display, str) and display.strip() else name,
        targets=targets,
        queue=tuple(queue.values()),
        statuses=read_target_statuses(status),
        problem=problem,
    )


def one_line(text: str) -> str:
    """The text without line breaks, tabs and other characters that don't print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())

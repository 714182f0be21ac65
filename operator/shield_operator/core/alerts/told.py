"""The failures that an alert has told of and that have not ended, as they stand in its status. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_operator.core.alerts.world import Watched
from shield_operator.core.health.decode import sequence


@dataclass(frozen=True, slots=True)
class Told:
    """A check that is told to be unhealthy."""

    check: str
    uid: str
    since: str
    """When it became so, RFC 3339."""
    correlation_id: str
    reason: str = ""

    @classmethod
    def of(cls, watched: Watched, now: float) -> "Told":
        """The failure that a check is in, as it is decided on at this instant: of a check several may begin in one
        second, and only one decision of an instant is written."""
        uid, changed = watched.check.uid, watched.changed
        reason = str(watched.after.get("failureReason") or "")
        return cls(watched.check.name, uid, changed, digest(uid, changed, f"{now:.6f}"), reason)

    def to_json(self) -> dict[str, Any]:
        """The entry in the status."""
        out = {"check": self.check, "uid": self.uid, "since": self.since, "correlationId": self.correlation_id}
        return {**out, "reason": self.reason} if self.reason else out


def told_of(status: Mapping[str, Any]) -> tuple[Told, ...]:
    """The failures in an alert's status; an entry that can't be read counts as never told."""
    return tuple(
        Told(
            check=str(item.get("check") or ""),
            uid=item["uid"],
            since=str(item.get("since") or ""),
            correlation_id=str(item.get("correlationId") or digest(item["uid"], str(item.get("since")))),
            reason=str(item.get("reason") or ""),
        )
        for item in sequence(status.get("unhealthy"))
        if isinstance(item.get("uid"), str)
    )


def digest(*parts: str) -> str:
    """32 hexadecimal digits that depend on every part."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

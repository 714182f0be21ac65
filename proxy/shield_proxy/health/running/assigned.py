"""A HealthCheck resource as a run sees it: whether it is the run's, and what to probe how often. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shield_proxy.config.checks.check import Check
from shield_proxy.config.checks.decode import decode_check
from shield_proxy.config.reading import InvalidField
from shield_proxy.health.running.standing import Entry, Place, read_entry
from shield_proxy.health.slots import phase

UNREADABLE_INTERVAL = 60.0
"""Seconds between samples of a check that can't be read."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A check that this run probes."""

    name: str
    uid: str
    generation: int
    created: float
    """Seconds since the epoch."""
    check: Check | None
    """None: it can't be read; `problem` says why."""
    problem: str
    phase: float
    """Of its slots."""
    entry: Entry | None
    """What its status says that this data centre has reported."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self.uid.replace("-", "").lower()

    @property
    def interval(self) -> float:
        """Seconds between slots."""
        return self.check.interval if self.check is not None else UNREADABLE_INTERVAL

    @property
    def suspended(self) -> bool:
        """It is not probed."""
        return self.check is not None and self.check.suspended

    @property
    def thresholds(self) -> tuple[int, int]:
        """Fails and successes in a row that make a verdict."""
        return (self.check.consecutive_fails, self.check.consecutive_successes) if self.check is not None else (1, 1)


def read_assigned(resource: Mapping[str, Any], place: Place, shard: int) -> Assigned | None:
    """The check, where the operator has assigned it to this data centre and shard; None of any other, and of one that
    is being deleted."""
    metadata, status = resource.get("metadata") or {}, resource.get("status") or {}
    if metadata.get("deletionTimestamp") or not metadata.get("uid") or not metadata.get("name"):
        return None
    if place.data_centre not in (status.get("dataCenters") or ()) or status.get("shard") != shard:
        return None
    check, problem = None, ""
    try:
        check = decode_check(resource)
    except InvalidField as invalid:
        problem = str(invalid)
    uid = str(metadata["uid"])
    return Assigned(
        name=str(metadata["name"]),
        uid=uid,
        generation=int(metadata.get("generation") or 0),
        created=_created(metadata.get("creationTimestamp")),
        check=check,
        problem=problem,
        phase=phase(uid.replace("-", "").lower(), place.data_centre),
        entry=read_entry(resource, place.data_centre),
    )


def _created(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0

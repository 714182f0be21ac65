"""What shall be true of the checks of a namespace: the shell applies it, in the order of the fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_operator.core.health.world import ChecksMemory
from shield_operator.core.plan import Happening


@dataclass(frozen=True, slots=True)
class ChecksPlan:
    """The outcome of `make_checks_plan`."""

    objects: tuple[Mapping[str, Any], ...]
    """Server-side applied in this order."""
    keep: frozenset[tuple[str, str]]
    """(kind, name) of every object of the probers that must not be pruned."""
    statuses: Mapping[str, Mapping[str, Any]]
    """Check -> its whole status but `probes`, of those whose status is another now."""
    standing: Mapping[str, Mapping[str, Any]]
    """UID of a check -> the same, of all."""
    forget: Mapping[str, tuple[str, ...]]
    """Check -> data centres whose entries are to be taken out of `status.probes`."""
    starts: tuple[str, ...]
    """CronJobs of which a Job is to be made at once."""
    expired: tuple[str, ...]
    """Previews that nobody took away."""
    happenings: tuple[Happening, ...]
    memory: ChecksMemory
    again_after: float
    """Seconds until the next look even if nothing changes."""

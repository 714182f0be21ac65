"""A check's verdict out of its status: who is heard votes, and what was said before decides ties. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from shield_operator.core.health.decode import Entry, entries_of, health_of, sequence
from shield_operator.core.health.probers import Duty, Roster
from shield_operator.core.health.quorum import Quorum, Vote, quorum
from shield_operator.core.health.world import CheckObject
from shield_proxy.config.checks.health import Health

SUSPENDED = "Suspended"
"""Beside the values of Health, a status."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a check now."""

    quorum: Quorum
    voters: tuple[Entry, ...]
    """Entries of data centres that probe the check and are heard, by data centre."""
    unsure: tuple[Entry, ...]
    """Those of data centres of which it is not known yet whether they are heard."""
    silent: tuple[str, ...]
    """Data centres that should probe it and are not heard."""
    awaited: tuple[str, ...]
    """Data centres of which that is not known yet."""
    foreign: tuple[str, ...]
    """Data centres that have an entry and don't probe it (any more)."""

    @property
    def round_trip(self) -> float | None:
        """Milliseconds, in the middle of the voters that agree with the verdict; None where none measured it."""
        agreeing = [voter.round_trip for voter in self.voters if voter.health is self.quorum.health]
        return median_low(found) if (found := [each for each in agreeing if each is not None]) else None

    @property
    def generation(self) -> int | None:
        """The oldest spec that a voter speaks of, or who may be one; None without any."""
        return min((voter.generation for voter in (*self.voters, *self.unsure)), default=None)


def look(check: CheckObject, duty: Duty, roster: Roster) -> Outcome:
    """What the data centres say of a check, and what that makes together."""
    entries = {entry.data_center: entry for entry in entries_of(check.status)}
    heard = [key for key in duty.data_centers if duty.prober(key) in roster.alive]
    awaited = [key for key in duty.data_centers if duty.prober(key) in roster.awaited]
    voters = tuple(entries[key] for key in heard if key in entries)
    unsure = tuple(entries[key] for key in awaited if key in entries)
    return Outcome(
        quorum=quorum(_votes(voters), before(check.status), _votes(unsure)),
        voters=voters,
        unsure=unsure,
        silent=tuple(key for key in duty.data_centers if key not in heard and key not in awaited),
        awaited=tuple(awaited),
        foreign=tuple(sorted(key for key in entries if key not in duty.data_centers)),
    )


def _votes(entries: Iterable[Entry]) -> list[Vote]:
    return [Vote(each.region, each.data_center, each.health, each.reason, each.detail) for each in entries]


def before(status: Mapping[str, Any]) -> Quorum:
    """The verdict that a status tells of."""
    regions = {str(item.get("name")): health_of(item.get("health")) for item in sequence(status.get("regions"))}
    return Quorum(health_of(status.get("status")), regions)


def regions(duty: Duty, outcome: Outcome) -> Mapping[str, Health]:
    """The verdict of each region that probes the check, by name; unknown where nobody there reports."""
    names = sorted({key.partition("/")[0] for key in duty.data_centers})
    return {name: outcome.quorum.regions.get(name, Health.UNKNOWN) for name in names}

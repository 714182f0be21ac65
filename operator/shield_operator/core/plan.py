"""What shall be true of one fleet: the shell applies it, the order of the fields is the order of the writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_operator.core.world import Memory
from shield_proxy.config.state import FleetState


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secrets the shell has to make, whose contents the plan must not know.

    Certificates: `<fleet>-TIER-tls-HASH` per tier, with tls.crt, tls.key, ca.crt. Redis: password.
    """

    certificates: Mapping[str, str]
    """Tier -> name of the Secret."""
    redis: str | None
    """Name of the Secret, None without a managed Redis."""
    owners: tuple[Mapping[str, Any], ...]
    """ownerReferences of each of them."""
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Happening:
    """A Kubernetes Event on a zone or fleet; the shell publishes an equal one at most once in ten minutes."""

    kind: str
    name: str
    uid: str
    type: str
    """Normal or Warning."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of `make_plan`."""

    secrets: Secrets | None
    """None: the fleet has no zone and needs nothing."""
    state: FleetState | None
    """Written as record and pushed when it differs from the record; None: leave the record as it is."""
    schema: int
    """To write `state` in."""
    record_objects: tuple[str, ...]
    """Names of the ConfigMaps that hold the record's chunks, in order."""
    objects: tuple[Mapping[str, Any], ...]
    """Server-side applied in this order."""
    keep: frozenset[tuple[str, str]]
    """(kind, name) of every object of the fleet that must not be pruned, also those held back by a rollout."""
    statuses: Mapping[str, Mapping[str, Any]]
    """Zone name -> its whole status, written when it differs from the observed one."""
    fleet_status: Mapping[str, Any] | None
    happenings: tuple[Happening, ...]
    memory: Memory
    again_after: float
    """Seconds until the next look even if nothing changes."""
    held: tuple[str, ...] = ()
    """Names of Deployments that wait for their turn. Of these only the owners are written: without, the last zone
    that they know takes them with it, and with them the pods of zones that came meanwhile."""

"""What the operator sees of the health checks of one namespace at one moment. `make_checks_plan` needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shield_operator.core.health.ownservices import OwnServices
from shield_operator.core.world import Installation, Node
from shield_proxy.config.checks.check import Check
from shield_proxy.config.checks.contract import LEASE_SECONDS
from shield_proxy.config.reading import InvalidField


@dataclass(frozen=True, slots=True, order=True)
class ChecksKey:
    """The HealthChecks of a namespace share probers; this is what their reconcile is called with."""

    namespace: str


@dataclass(frozen=True, slots=True)
class CheckObject:
    """A HealthCheck as it stands in the cluster."""

    uid: str
    name: str
    generation: int
    """metadata.generation."""
    created: str
    """metadata.creationTimestamp, RFC 3339: sorts as text."""
    spec: Check | InvalidField
    regions: tuple[str, ...] = ()
    """spec.checkRegions, also of a spec that can't be honoured: its probers say so."""
    suspended: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)
    """As last seen, the data centres' own entries included."""
    deleting: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    preview: bool = False
    """It is looked at once, and goes: neither alerts nor zones follow it."""


@dataclass(frozen=True, slots=True)
class ProberLease:
    """The Lease of one shard of a data centre."""

    name: str
    holder: str
    """The run that probes; "" before the first."""
    heard: float
    """When the operator last saw it renewed, by its own clock; 0: not yet."""
    missed: int = 0
    """Slots that nobody probed, over all runs."""

    @property
    def blank(self) -> bool:
        """Nobody has had it yet, as far as can be seen: it was just made."""
        return not self.holder and not self.heard

    def lives(self, now: float) -> bool:
        """Whether somebody was heard so lately that he probes."""
        return bool(self.holder) and now < self.ends

    @property
    def ends(self) -> float:
        """When it will be silent, if nobody renews it."""
        return self.heard + LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class ProberPod:
    """A pod of a run, ended or not."""

    name: str
    data_center: str
    """As the label has it: see naming.data_center_label."""
    shard: int
    created: float
    waiting: bool = False
    """It has not begun yet."""
    trouble: str = ""
    """Why it does not begin, or how it failed: a word, and what was said of it."""


@dataclass(frozen=True, slots=True)
class Started:
    """A Job that was started out of turn."""

    at: float
    tries: int = 1
    """Jobs that were started since runs were last well, this one included."""


@dataclass(frozen=True, slots=True)
class Missed:
    """What was told of slots that nobody probed."""

    name: str
    """Of the Lease."""
    count: int
    at: float
    """When; 0: nothing was told yet."""


@dataclass(frozen=True, slots=True)
class ChecksMemory:
    """What the operator remembers from one plan to the next; losing it costs at most a Job too many."""

    started: Mapping[str, Started] = field(default_factory=dict)
    """By the name of the CronJob."""
    heard: Mapping[str, float] = field(default_factory=dict)
    """Name of a Lease that was alive -> when it was last renewed."""
    missed: Mapping[str, Missed] = field(default_factory=dict)
    """By the name of the Lease."""
    services: OwnServices | None = None
    """None: nothing is known of a plan before."""


@dataclass(frozen=True, slots=True)
class ChecksWorld:
    """The checks of a namespace, their surroundings, and the time."""

    key: ChecksKey
    installation: Installation
    now: float
    """Seconds since the epoch."""
    timestamp: str
    """The same as RFC 3339 UTC: for status."""
    checks: tuple[CheckObject, ...]
    nodes: tuple[Node, ...]
    leases: Mapping[str, ProberLease] = field(default_factory=dict)
    """By name."""
    pods: tuple[ProberPod, ...] = ()
    cron_jobs: Mapping[str, str] = field(default_factory=dict)
    """Name -> UID of each CronJob that stands."""
    children: frozenset[tuple[str, str]] = frozenset()
    """(kind, name) of everything of the probers that stands."""
    services: tuple[str, ...] = ()
    """Addresses of all the shield's Services in the cluster, sorted."""
    refusals: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(kind, name) of each object of the last plan that the API server refused -> why."""
    memory: ChecksMemory = ChecksMemory()
    since: float = 0.0
    """When this operator began to lead, and to listen: a Lease that it does not hear is silent LEASE_SECONDS later."""

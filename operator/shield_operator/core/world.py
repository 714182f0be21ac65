"""What the operator sees of one fleet at one moment. `make_plan` needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shield_operator.core.spec import FleetSpec, ZoneSpec
from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.reports import Acknowledgement, Measurement
from shield_proxy.config.state import FleetState


@dataclass(frozen=True, slots=True, order=True)
class FleetKey:
    """Zones of one namespace that name the same fleet share its pods; this is what a reconcile is called with."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """Where probers send samples."""

    url: str
    authorities: str = ""
    """PEM of who vouches for the server; "": the image's own."""
    config_map: str = ""
    """Of each namespace with checks, with ca.crt that goes before `authorities`; "": none."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What the chart tells the operator; the same for all fleets."""

    namespace: str
    """The operator's own."""
    image: str
    redis_image: str
    version: str
    fleet_defaults: FleetSpec
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    region_label: str = "topology.kubernetes.io/region"
    zone_label: str = "topology.kubernetes.io/zone"
    network_policies: bool = True
    priority_class: str = ""
    """priorityClassName of the fleets' pods; "" leaves it to the cluster's default."""
    log_level: str = "info"
    """Of the proxies and probers."""
    region_codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Code that a health check may name (such as WEU) -> the cluster's regions it stands for."""
    internal_networks: tuple[str, ...] = ()
    """CIDRs and addresses that no health check may probe."""
    run_minutes: int = 10
    """How long one run of a prober lasts; divides 60."""
    sample_feed: SampleFeed | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node that carries both topology labels."""

    name: str
    region: str
    zone: str
    ready: bool
    schedulable: bool = True

    @property
    def data_center(self) -> str:
        """`region/zone`."""
        return f"{self.region}/{self.zone}"


@dataclass(frozen=True, slots=True)
class ZoneObject:
    """A SmartShieldZone as it stands in the cluster."""

    uid: str
    namespace: str
    name: str
    generation: int
    """metadata.generation."""
    created: str
    """metadata.creationTimestamp, RFC 3339: sorts as text."""
    spec: ZoneSpec | InvalidField
    status: Mapping[str, Any] = field(default_factory=dict)
    """As last written: the source of transition times and of the incumbent upper tiers."""
    deleting: bool = False
    leaving: bool = False
    """It names another fleet now; this one serves it as before until that one can."""


@dataclass(frozen=True, slots=True)
class FleetObject:
    """A ShieldFleet as it stands in the cluster."""

    uid: str
    generation: int
    spec: FleetSpec | InvalidField
    status: Mapping[str, Any] = field(default_factory=dict)
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A host that a zone anywhere in the cluster asks for. The oldest wins, then the lower UID."""

    host: str
    uid: str
    namespace: str
    name: str
    created: str


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """What a HealthCheck of the fleet's namespace says of the origin that it probes."""

    status: str
    """Healthy, Unhealthy, Unknown or Suspended."""
    reason: str = ""
    """Of Unhealthy: the failure, for people."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment of the fleet as observed."""

    name: str
    tier: str
    """lower, upper or redis."""
    data_center: str
    template_hash: str
    """Of the annotation the operator put there; "" where somebody removed it."""
    replicas: int
    updated: int
    ready: int
    current: bool
    """Its controller has seen the newest generation."""

    @property
    def settled(self) -> bool:
        """Every wanted pod is of the newest template and Ready."""
        return self.current and self.updated >= self.replicas and self.ready >= self.replicas


@dataclass(frozen=True, slots=True)
class Pod:
    """A proxy pod of the fleet that has an address."""

    name: str
    tier: Tier
    data_center: str
    address: str
    ready: bool
    template_hash: str = ""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a pod said when last asked; absent for a pod that did not answer."""

    acknowledgement: Acknowledgement
    measurements: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """The fleet's record as it stands in ConfigMaps, or as pods gave it back."""

    schema: int
    generation: int
    lease: int
    state: FleetState | None
    """None where this version can't read the schema."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Another data centre has been better than the incumbent by the margin since `since` (world.now)."""

    data_center: str
    since: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What the operator remembers from one plan to the next; losing it costs at most a repeated waiting time."""

    challenges: Mapping[tuple[str, str], Challenge] = field(default_factory=dict)
    """(zone UID, backend) -> the challenger whose lead is being watched."""
    unmeasured_since: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(zone UID, backend) -> since when lower pods could have measured a backend that has no upper tier yet."""
    runner_up_challenges: Mapping[tuple[str, str], Challenge] = field(default_factory=dict)
    """The same as `challenges`, of runners-up."""
    unhealthy_at: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(zone UID, backend) -> when it was last unhealthy, of those that were lately."""
    unacknowledged_since: Mapping[str, float] = field(default_factory=dict)
    """Zone UID -> since when not all that must have acknowledged its newest generation."""
    waiting: tuple[str, float] | None = None
    """The Deployment a rollout waits for, and since when."""
    busy_since: float | None = None
    """Since when something has been under way without the zone state changing."""
    left_since: Mapping[str, float] = field(default_factory=dict)
    """UID of a zone of another fleet -> since when its Service leads elsewhere."""


@dataclass(frozen=True, slots=True)
class World:
    """One fleet, its surroundings, and the time."""

    key: FleetKey
    installation: Installation
    now: float
    """Monotonic seconds: for durations."""
    timestamp: str
    """RFC 3339 UTC: for status."""
    lease: int
    """The leader's Lease transition count."""
    zones: tuple[ZoneObject, ...]
    """All zones of the fleet, also invalid, paused and deleting ones."""
    fleet: FleetObject | None
    nodes: tuple[Node, ...]
    claims: tuple[Claim, ...]
    """Of all zones in the cluster that share a host with a zone of this fleet, these included."""
    workloads: tuple[Workload, ...] = ()
    pods: tuple[Pod, ...] = ()
    reports: Mapping[str, Report] = field(default_factory=dict)
    """Pod name -> its report."""
    record: Record | None = None
    resolution_errors: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(zone UID, origin name) -> why its address does not resolve."""
    edge_services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Zone UID -> its edge Service as observed (clusterIP, ports with their nodePort)."""
    edge_fleets: Mapping[str, str] = field(default_factory=dict)
    """Zone UID -> the fleet whose plan wrote its edge Service, where the Service still leads to that fleet's pods."""
    checks: Mapping[str, CheckHealth] = field(default_factory=dict)
    """Name -> what it says, of the HealthChecks that origins of these zones name and that exist."""
    memory: Memory = Memory()
    refusals: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(kind, name) of each object of the last plan that the API server refused -> why."""
    leaving: tuple[ZoneObject, ...] = ()
    """Zones that name another fleet now, and that the record or a Service of this one still speaks of."""

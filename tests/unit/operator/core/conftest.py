"""A cluster as values: it does with a plan what Kubernetes and pods would, so that plans can be followed in time."""

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.decode import decode_zone
from shield_operator.core.decode_fleet import BUILT_IN, decode_fleet
from shield_operator.core.plan import Plan
from shield_operator.core.planning import make_plan
from shield_operator.core.world import (
    CheckHealth,
    Claim,
    FleetKey,
    FleetObject,
    Installation,
    Memory,
    Node,
    Pod,
    Record,
    World,
    ZoneObject,
)
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.reports import Problem
from unit.operator.core.followers import report, run_pods, workloads

DATA_CENTERS = ("eu/a", "eu/b", "us/a", "us/b")
ORIGIN = {"name": "main", "address": "origin.example.com"}


def zone_of(name="shop", uid="", created="2026-01-01T00:00:00Z", namespace="shop", generation=1, **spec):
    """A zone that asks for NAME.example.com, as decoded."""
    body = {"hosts": [f"{name}.example.com"], "origins": [ORIGIN], **spec}
    try:
        decoded = decode_zone(body)
    except InvalidField as error:
        decoded = error
    return ZoneObject(uid or f"uid-{name}", namespace, name, generation, created, decoded)


def claims_of(*zones):
    return tuple(
        Claim(host, zone.uid, zone.namespace, zone.name, zone.created)
        for zone in zones
        if not isinstance(zone.spec, InvalidField)
        for host in zone.spec.hosts
    )


@dataclass
class Cluster:
    """One fleet; `step` plans once and lets the world follow."""

    zones: dict[str, ZoneObject] = field(default_factory=lambda: {"shop": zone_of()})
    rivals: tuple[Claim, ...] = ()
    fleet: FleetObject | None = None
    image: str = "shield:1"
    replicas: int = 1
    nodes: dict[str, Node] = field(default_factory=dict)
    milliseconds: dict[str, float | None] = field(default_factory=dict)
    """Data centre -> connect time to every backend; None fails; absent is not measured."""
    stuck: set[tuple[str, str]] = field(default_factory=set)
    """(tier, data centre) whose new pods don't become Ready."""
    deaf: set[str] = field(default_factory=set)
    """Tiers whose pods take no new zone state."""
    problems: dict[tuple[str, str], tuple[Problem, ...]] = field(default_factory=dict)
    """(tier, data centre) -> what its pods report."""
    leaving: dict[str, ZoneObject] = field(default_factory=dict)
    """Zones that name another fleet now."""
    led: dict[str, str] = field(default_factory=dict)
    """Zone -> the fleet that its Service leads to, where another fleet's plan wrote it."""
    now: float = 0.0
    lease: int = 1
    record: Record | None = None
    memory: Memory = field(default_factory=Memory)
    objects: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    pods: dict[str, tuple[Pod, int]] = field(default_factory=dict)
    """Name -> the pod and the generation it holds."""
    schemas: dict[str, int] = field(default_factory=dict)
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    checks: dict[str, CheckHealth] = field(default_factory=dict)
    """HealthChecks that exist."""
    happenings: list[tuple[str, str]] = field(default_factory=list)
    applied: list[tuple[str, str]] = field(default_factory=list)
    """(kind, name) of what the last step applied anew."""

    def __post_init__(self) -> None:
        for key in DATA_CENTERS:
            self.add_node(key)
        self.milliseconds = self.milliseconds or {"eu/a": 5.0, "eu/b": 9.0, "us/a": 80.0, "us/b": 90.0}

    def add_node(self, key: str, name: str = "", ready: bool = True) -> None:
        region, _, zone = key.partition("/")
        self.nodes[name or f"node-{key}"] = Node(name or f"node-{key}", region, zone, ready)

    def world(self) -> World:
        return World(
            key=FleetKey("shop", "default"),
            installation=Installation(
                namespace="smart-shield",
                image=self.image,
                redis_image="redis:8",
                version="1",
                fleet_defaults=decode_fleet(
                    {"lower": {"replicas": self.replicas}, "upper": {"replicas": self.replicas}}, BUILT_IN
                ),
            ),
            now=self.now,
            timestamp=f"2026-01-01T00:{int(self.now) // 60 % 60:02}:{int(self.now) % 60:02}Z",
            lease=self.lease,
            zones=tuple(self.zones.values()),
            fleet=self.fleet,
            nodes=tuple(self.nodes.values()),
            claims=(*claims_of(*(z for z in self.zones.values() if not z.deleting)), *self.rivals),
            workloads=tuple(workloads(self)),
            pods=tuple(pod for pod, _ in self.pods.values()),
            reports={name: report(self, pod, held) for name, (pod, held) in self.pods.items() if pod.ready},
            record=self.record,
            resolution_errors=self.errors,
            edge_services={
                zone.uid: self._edge(self.objects[ident])
                for zone in (*self.zones.values(), *self.leaving.values())
                if (ident := ("Service", naming.edge(zone.name))) in self.objects
            },
            edge_fleets={
                zone.uid: self.led.get(zone.name, "default")
                for zone in (*self.zones.values(), *self.leaving.values())
                if ("Service", naming.edge(zone.name)) in self.objects
            },
            checks=self.checks,
            memory=self.memory,
            leaving=tuple(self.leaving.values()),
        )

    def _edge(self, service: Mapping[str, Any]) -> Mapping[str, Any]:
        spec = service["spec"]
        ports = [{"nodePort": 30080 + i, **port} for i, port in enumerate(spec["ports"])]
        return {**spec, "clusterIP": "10.0.0.1", "ports": ports}

    def step(self, seconds: float = 1.0) -> Plan:
        """Plans, follows the plan, and lets time pass."""
        plan = make_plan(self.world())
        self.memory = plan.memory
        if plan.state is not None and (self.record is None or self.record.state != plan.state):
            self.record = Record(plan.schema, plan.state.generation, plan.state.lease, plan.state)
        self.applied = []
        for obj in plan.objects:
            ident = (obj["kind"], obj["metadata"]["name"])
            if self.objects.get(ident) != obj:
                self.applied.append(ident)
            self.objects[ident] = obj
        self.objects = {ident: obj for ident, obj in self.objects.items() if ident in plan.keep}
        self.pods = run_pods(self)
        for name, status in plan.statuses.items():
            self.zones[name] = replace(self.zones[name], status=status)
        if self.fleet is not None and plan.fleet_status is not None:
            self.fleet = replace(self.fleet, status=plan.fleet_status)
        self.happenings += [(event.name, event.reason) for event in plan.happenings]
        self.now += seconds
        return plan

    def run(self, seconds: int) -> Plan:
        """That many steps of a second."""
        for _ in range(seconds):
            plan = self.step()
        return plan

    def condition(self, kind: str, zone: str = "shop") -> tuple[str, str]:
        """Status and reason of a zone's condition."""
        found = next(c for c in self.zones[zone].status["conditions"] if c["type"] == kind)
        return found["status"], found["reason"]

    def upper(self, zone: str = "shop", backend: str = "main") -> Mapping[str, Any]:
        """The zone's entry in status.upperTiers."""
        return next(entry for entry in self.zones[zone].status["upperTiers"] if entry["backend"] == backend)

    def order(self, zone: str = "shop", backend: str = "main") -> tuple[str, ...]:
        """Data centres in the order that pods use them."""
        return next(z for z in self.record.state.zones if z.name == zone).uppers.get(backend, ())

    def part(self, zone: str = "shop"):
        """The zone's part of the record, None without one."""
        return next((z for z in self.record.state.zones if z.name == zone), None)

    def running(self, tier: str) -> set[str]:
        """Data centres that have a Deployment of the tier."""
        return {
            obj["metadata"]["annotations"][naming.ANNOTATION_DATA_CENTER]
            for (kind, _), obj in self.objects.items()
            if kind == "Deployment" and obj["metadata"]["labels"][naming.LABEL_TIER] == tier
        }

    def images(self) -> dict[tuple[str, str], str]:
        """(tier, data centre) -> the image its Deployment asks for, of proxies."""
        return {
            (
                obj["metadata"]["labels"][naming.LABEL_TIER],
                obj["metadata"]["annotations"][naming.ANNOTATION_DATA_CENTER],
            ): obj["spec"]["template"]["spec"]["containers"][0]["image"]
            for (kind, _), obj in self.objects.items()
            if kind == "Deployment" and obj["metadata"]["labels"][naming.LABEL_TIER] != naming.REDIS
        }

    def change(self, zone: str = "shop", **spec) -> None:
        """The zone's owner edits its spec."""
        old = self.zones[zone]
        new = zone_of(zone, old.uid, old.created, old.namespace, old.generation + 1, **spec)
        self.zones[zone] = replace(new, status=old.status)


@pytest.fixture
def cluster():
    """A fleet of one zone in four data centres, before the first plan."""
    return Cluster()


@functools.cache
def _settled() -> Cluster:
    cluster = Cluster()
    cluster.run(10)
    return cluster


@pytest.fixture
def served():
    """The same, when all has settled: eu/a is the upper tier, eu/b the runner-up."""
    cluster = copy.copy(_settled())
    for name, value in vars(cluster).items():
        if isinstance(value, dict | set | list):
            setattr(cluster, name, value.copy())
    return cluster


@pytest.fixture
def new_zone():
    """Makes zones (see `zone_of`)."""
    return zone_of

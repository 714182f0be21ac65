"""One fleet and its surroundings as a World, from what was watched, collected and resolved."""

import datetime
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shield_operator.core import naming
from shield_operator.core.checks import origin_host
from shield_operator.core.decode import zone_object
from shield_operator.core.decode_fleet import fleet_object
from shield_operator.core.spec import ZoneSpec
from shield_operator.core.world import (
    CheckHealth,
    Claim,
    FleetKey,
    Installation,
    Memory,
    Record,
    World,
    ZoneObject,
)
from shield_operator.kube.collect import Collector
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import CHECK, DEPLOYMENT, FLEET, NODE, POD, SERVICE, ZONE
from shield_operator.kube.leadership import Leadership
from shield_operator.kube.lease import LeaseKeeper
from shield_operator.kube.record import Held, RecordStore
from shield_operator.kube.resolve import Resolver
from shield_operator.kube.views import check_health_of, edge_fleet_of, node_of, pod_of, workload_of

PODS_SECONDS = 4.0
"""How long the first plan of a fleet waits for its pods' reports."""
LOST_SECONDS = 60.0
"""How long a lost record is sought in pods that do not answer, before it is begun anew."""
log = logging.getLogger(__name__)


class NotYet(Exception):
    """A plan made now could take away what is only not seen yet."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The world, and the record in the cluster."""

    world: World
    stored: Held | None
    """What the ConfigMaps hold. The world's record is another where this one is lost or older than what pods hold."""


class Observer:
    """Makes Worlds. Remembers, per fleet, what plans hand on to each other."""

    def __init__(
        self,
        installation: Installation,
        index: Index,
        store: RecordStore,
        collector: Collector,
        resolver: Resolver,
        lease: LeaseKeeper,
        leadership: Leadership,
    ) -> None:
        self._installation = installation
        self._index = index
        self._store = store
        self._collector = collector
        self._resolver = resolver
        self._lease = lease
        self._leadership = leadership
        self._memories: dict[FleetKey, Memory] = {}
        self._refusals: dict[FleetKey, Mapping[tuple[str, str], str]] = {}
        self._lost_since: dict[FleetKey, float] = {}

    async def observe(self, key: FleetKey) -> Observed:
        """The fleet as it stands. NotYet, LeaseLost, or the errors of the API."""
        await self._collector.heard(key, PODS_SECONDS)
        zones = tuple(zone_object(body) for body in self._index.of_fleet(key, ZONE))
        origins = {
            (zone.uid, origin.name): origin_host(origin, zone.namespace)
            for zone in zones
            if isinstance(zone.spec, ZoneSpec)
            for origin in zone.spec.origins
        }
        unknown = await self._resolver.problems(origins.values())
        stored = self._believed(key, self._store.read(key, naming.record_chunks(key.name)))
        record = await self._newest(key, stored)
        if record is not None and record.lease > self._leadership.transitions:
            await self._lease.raise_above(record.lease)
        # No await below: everything is of one moment.
        settings, now = self._installation, time.monotonic()
        nodes = (node_of(body, settings.region_label, settings.zone_label) for body in self._index.all(NODE).values())
        pods = (pod_of(body) for body in self._index.of_fleet(key, POD))
        workloads = (workload_of(body) for body in self._index.of_fleet(key, DEPLOYMENT))
        fleet = self._index.get(FLEET, key.namespace, key.name)
        leaving = self._index.departing(
            key, {zone.name for zone in record.state.zones} if record and record.state else ()
        )
        gone = tuple(zone_object(body) for body in leaving)
        edges = {
            zone.uid: body
            for zone in (*zones, *gone)
            if (body := self._index.get(SERVICE, key.namespace, naming.edge(zone.name))) is not None
        }
        world = World(
            key=key,
            installation=settings,
            now=now,
            timestamp=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            lease=self._leadership.transitions,
            zones=zones,
            fleet=fleet_object(fleet, settings.fleet_defaults) if fleet is not None else None,
            nodes=tuple(sorted((node for node in nodes if node is not None), key=lambda node: node.name)),
            claims=self._claims(key, leaving),
            workloads=tuple(workload for workload in workloads if workload is not None),
            pods=tuple(pod for pod in pods if pod is not None),
            reports=self._collector.reports(key),
            record=record,
            resolution_errors={origin: unknown[name] for origin, name in origins.items() if name in unknown},
            edge_services={uid: body["spec"] for uid, body in edges.items()},
            edge_fleets={uid: name for uid, body in edges.items() if (name := edge_fleet_of(body)) is not None},
            checks=self._checks(key, zones, record),
            memory=self._memories.get(key, Memory()),
            refusals=self._refusals.get(key, {}),
            leaving=gone,
        )
        return Observed(world, stored)

    def remember(self, key: FleetKey, memory: Memory, refusals: Mapping[tuple[str, str], str]) -> None:
        """What the next plan shall know of this one, and of what became of it."""
        self._memories[key], self._refusals[key] = memory, refusals

    def forget(self, key: FleetKey) -> None:
        """The fleet is gone."""
        self._memories.pop(key, None)
        self._refusals.pop(key, None)
        self._lost_since.pop(key, None)
        self._store.forget(key)

    async def _newest(self, key: FleetKey, stored: Held | None) -> Record | None:
        """The stored record, or the one that pods hold where it is missing or older: with a generation of its own."""
        held_by_pods = [report.acknowledgement for report in self._collector.reports(key).values()]
        orders = ((said.lease, said.generation) for said in held_by_pods if self._leadership.believes(said.lease))
        ahead = max(orders, default=(0, 0))
        if stored is not None and (stored.record.lease, stored.record.generation) >= ahead:
            self._lost_since.pop(key, None)
            return stored.record
        pods = [pod for body in self._index.of_fleet(key, POD) if (pod := pod_of(body)) is not None]
        if not pods:
            return stored.record if stored is not None else None
        found = self._believed(key, await self._collector.recover(key))
        if found is None:
            since = self._lost_since.setdefault(key, time.monotonic())
            if stored is None and time.monotonic() - since < LOST_SECONDS:
                raise NotYet(f"the record of {key.namespace}/{key.name} is lost and none of its pods gives it back yet")
            return stored.record if stored is not None else None
        if stored is not None and _order(stored.record) >= _order(found.record):
            return stored.record
        log.warning("the record of %s/%s was lost or old and is rebuilt from its pods", key.namespace, key.name)
        generation = found.record.generation + 1
        state = found.record.state
        return replace(
            found.record,
            generation=generation,
            state=replace(state, generation=generation) if state is not None else None,
        )

    def _believed(self, key: FleetKey, held: Held | None) -> Held | None:
        if held is None or self._leadership.believes(held.record.lease):
            return held
        log.warning("a record of %s/%s was forged: Lease count %d", key.namespace, key.name, held.record.lease)
        return None

    def _checks(self, key: FleetKey, zones: Iterable[ZoneObject], record: Record | None) -> Mapping[str, CheckHealth]:
        """Those that the zones name, or that they named when the record was written."""
        wanted = {origin.check for zone in zones if isinstance(zone.spec, ZoneSpec) for origin in zone.spec.origins}
        recorded = record.state.zones if record is not None and record.state is not None else ()
        wanted |= {origin.check for part in recorded for origin in part.origins}
        bodies = {name: self._index.get(CHECK, key.namespace, name) for name in wanted if name is not None}
        found = {name: check_health_of(body) for name, body in bodies.items() if body is not None}
        return {name: health for name, health in found.items() if health is not None}

    def _claims(self, key: FleetKey, leaving: Iterable[Mapping[str, Any]]) -> tuple[Claim, ...]:
        rivals = (zone_object(body) for body in self._index.rivals(key, leaving))
        return tuple(claim for zone in rivals for claim in _claims_of(zone))


def _claims_of(zone: ZoneObject) -> list[Claim]:
    if zone.deleting or not isinstance(zone.spec, ZoneSpec):
        return []
    return [Claim(host, zone.uid, zone.namespace, zone.name, zone.created) for host in zone.spec.hosts]


def _order(record: Record) -> tuple[int, int]:
    return record.lease, record.generation

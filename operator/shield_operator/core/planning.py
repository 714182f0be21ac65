"""`make_plan`: from what is to what shall be, for one fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shield_operator.core import naming
from shield_operator.core.children import children, secrets
from shield_operator.core.decision import Decision, decide
from shield_operator.core.departures import staying
from shield_operator.core.fleet_status import fleet_status, idle_fleet_status
from shield_operator.core.happenings import rollout_happenings, zone_happenings
from shield_operator.core.origins import origin_happenings
from shield_operator.core.pace import busy_since, pace
from shield_operator.core.plan import Happening, Plan
from shield_operator.core.rollout import stalled
from shield_operator.core.situation import Situation, look
from shield_operator.core.status import zone_status
from shield_operator.core.world import Memory, World, ZoneObject
from shield_operator.core.zonestate import last_part, schema_to_write
from shield_proxy.config.state import FleetState

UNUSED_SECONDS = 60.0


def make_plan(world: World) -> Plan:
    """What shall be true of the fleet. The same world gives the same plan, in whatever order its parts stand."""
    zones = sorted((zone for zone in world.zones if not zone.deleting), key=lambda zone: (zone.created, zone.uid))
    guests, left_since = staying(world)
    served = [*zones, *guests]
    if not served:
        return _nothing(left_since, world)
    decided = decide(served, world)
    is_stalled, waiting = stalled(decided.rollout, world.memory.waiting, world.now)
    situations = _look(zones, decided, world)
    waits = world.memory.unacknowledged_since
    unaware = {uid: waits.get(uid, world.now) for uid, situation in situations.items() if situation.unaware}
    statuses = {
        zone.name: zone_status(
            zone,
            decided.violations[zone.uid],
            situations[zone.uid],
            decided.layout,
            decided.rollout,
            is_stalled,
            world.now - unaware.get(zone.uid, world.now),
            world,
        )
        for zone in zones
    }
    of_fleet = None
    if world.fleet is not None and not world.fleet.deleting:
        of_fleet = fleet_status(world.fleet, served, decided.layout, decided.rollout, is_stalled, world)
    apply, keep = children(served, decided, situations, world)
    blind = not world.nodes
    if blind:
        keep |= _whatever_runs(world)
    state = None if blind or _superseded(world) else decided.state
    return Plan(
        secrets=secrets(decided.layout),
        state=state,
        schema=schema_to_write(world),
        record_objects=naming.record_chunks(world.key.name),
        objects=apply,
        keep=keep,
        statuses=statuses,
        fleet_status=of_fleet,
        happenings=tuple(_happenings(zones, statuses, of_fleet, state, world)),
        memory=replace(
            decided.assigned.memory,
            unacknowledged_since=unaware,
            waiting=waiting,
            busy_since=busy_since(decided, unaware, world),
            left_since=left_since,
        ),
        again_after=pace(decided, unaware, bool(guests), world),
        held=decided.rollout.held,
    )


def _nothing(left_since: Mapping[str, float], world: World) -> Plan:
    """A fleet that serves no zone needs nothing: all that is left of it is pruned."""
    return Plan(
        secrets=None,
        state=None,
        schema=schema_to_write(world),
        record_objects=naming.record_chunks(world.key.name),
        objects=(),
        keep=frozenset(),
        statuses={},
        fleet_status=None if world.fleet is None else idle_fleet_status(world.fleet, world),
        happenings=(),
        memory=Memory(left_since=left_since),
        again_after=UNUSED_SECONDS,
    )


def _whatever_runs(world: World) -> set[tuple[str, str]]:
    """What no labelled node at all must not take away: more likely than that every node went is a change of their
    labels, or of the labels that the operator looks for."""
    kinds = ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy")
    return {(kind, workload.name) for workload in world.workloads for kind in kinds}


def _look(zones: Sequence[ZoneObject], decided: Decision, world: World) -> Mapping[str, Situation]:
    parts = {part.uid: part for part in decided.state.zones}
    return {
        zone.uid: look(
            parts.get(zone.uid),
            decided.assigned.of(zone.uid),
            decided.homes.get(zone.uid, ()),
            decided.layout,
            world,
        )
        for zone in zones
    }


def _happenings(
    zones: Sequence[ZoneObject],
    statuses: Mapping[str, Mapping[str, Any]],
    of_fleet: Mapping[str, Any] | None,
    state: FleetState | None,
    world: World,
) -> list[Happening]:
    """Events of the zones, and those of the fleet: on its ShieldFleet, else on its oldest zone."""
    out = [event for zone in zones for event in zone_happenings(zone, statuses[zone.name])]
    parts = {part.uid: part for part in state.zones} if state is not None else {}
    for zone in zones:
        if zone.uid in parts:
            out += origin_happenings(zone, last_part(world, zone.uid), parts[zone.uid], world)
    if world.fleet is not None and of_fleet is not None:
        fleet = world.fleet
        return out + rollout_happenings(naming.FLEET_KIND, world.key.name, fleet.uid, fleet.status, of_fleet)
    if not zones:
        return out
    oldest = zones[0]
    after = statuses[oldest.name]
    return out + rollout_happenings(naming.ZONE_KIND, oldest.name, oldest.uid, oldest.status, after)


def _superseded(world: World) -> bool:
    """Whether a later leader has already written: then this one writes nothing."""
    return world.record is not None and world.record.lease > world.lease

"""`make_plan`: from what is to what shall be, for one fleet."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from shield_operator.core import naming
from shield_operator.core.assigning import Assignments, assign_zones
from shield_operator.core.checks import first_violation
from shield_operator.core.claims import winners
from shield_operator.core.fleet_status import fleet_status, idle_fleet_status
from shield_operator.core.happenings import rollout_happenings, zone_happenings
from shield_operator.core.layout import Layout, fleet_spec, lay_out, lower_places
from shield_operator.core.objects import fleet as objects
from shield_operator.core.objects import services
from shield_operator.core.objects.common import Object
from shield_operator.core.places import find_places
from shield_operator.core.plan import Happening, Plan, Secrets
from shield_operator.core.rollout import Rollout, hold_all, roll_out, stalled
from shield_operator.core.situation import look
from shield_operator.core.spec import ZoneSpec
from shield_operator.core.status import zone_status
from shield_operator.core.world import Memory, World, ZoneObject
from shield_operator.core.zonestate import fleet_state, last_part, part, schema_to_write
from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField
from shield_proxy.config.state import FleetState

SOON_SECONDS = 1.0
"""While something is under way."""
IDLE_SECONDS = 10.0


def make_plan(world: World) -> Plan:
    """What shall be true of the fleet. The same world gives the same plan, in whatever order its parts stand."""
    zones = sorted((zone for zone in world.zones if not zone.deleting), key=lambda zone: (zone.created, zone.uid))
    if not zones:
        return _nothing(world)
    places = find_places(world.nodes)
    winning = winners(world.claims, ignoring={zone.uid for zone in world.zones if zone.deleting})
    last = {zone.uid: last_part(world, zone.uid) for zone in zones}
    violations = {zone.uid: first_violation(zone, last[zone.uid], places, winning, world) for zone in zones}
    honoured = {uid for uid, violation in violations.items() if violation is None}
    parts = {
        zone.uid: found
        for zone in zones
        if (found := part(zone, zone.uid in honoured, last[zone.uid], winning, world.record))
    }
    used = [zone for zone in zones if zone.uid in parts or isinstance(zone.spec, ZoneSpec)]
    lower = lower_places(used, places, world)
    assigned = assign_zones(used, parts, last, lower, world)
    layout = lay_out(zones, assigned.all(), lower, fleet_spec(world), world)

    state = fleet_state(world, assigned.with_uppers(parts), layout.data_centers())
    rollout = _rollout(layout, world)
    is_stalled, waiting = stalled(rollout, world.memory.waiting, world.now)
    written = {zone.uid: zone for zone in state.zones}
    statuses = {}
    unacknowledged: dict[str, float] = {}
    happenings: list[Happening] = []
    for zone in zones:
        now = look(zone, written.get(zone.uid), assigned.of(zone.uid), layout, world)
        if now.unaware:
            unacknowledged[zone.uid] = world.memory.unacknowledged_since.get(zone.uid, world.now)
        waited = world.now - unacknowledged.get(zone.uid, world.now)
        status = zone_status(zone, violations[zone.uid], now, layout, rollout, is_stalled, waited, world)
        statuses[zone.name] = status
        happenings += zone_happenings(zone, status)

    of_fleet = None
    if world.fleet is not None and not world.fleet.deleting:
        of_fleet = fleet_status(world.fleet, zones, layout, rollout, is_stalled, world)
        name, uid, before, after = world.key.name, world.fleet.uid, world.fleet.status, of_fleet
        happenings += rollout_happenings(naming.FLEET_KIND, name, uid, before, after)
    else:
        eldest = zones[0]
        after = statuses[eldest.name]
        happenings += rollout_happenings(naming.ZONE_KIND, eldest.name, eldest.uid, eldest.status, after)

    applied, keep = _objects(zones, honoured, layout, rollout, world)
    return Plan(
        secrets=_secrets(layout),
        state=None if _superseded(world) else state,
        schema=schema_to_write(world),
        record_objects=naming.record_chunks(world.key.name),
        objects=applied,
        keep=keep,
        statuses=statuses,
        fleet_status=of_fleet,
        happenings=tuple(happenings),
        memory=replace(assigned.memory, unacknowledged_since=unacknowledged, waiting=waiting),
        again_after=SOON_SECONDS if _under_way(state, rollout, assigned, unacknowledged, world) else IDLE_SECONDS,
    )


def _nothing(world: World) -> Plan:
    """A fleet without zones needs nothing: all that is left of it is pruned."""
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
        memory=Memory(),
        again_after=IDLE_SECONDS * 6,
    )


def _rollout(layout: Layout, world: World) -> Rollout:
    wanted = objects.deployments(layout)
    if world.fleet is not None and not world.fleet.deleting and isinstance(world.fleet.spec, InvalidField):
        return hold_all(wanted, f"ShieldFleet {world.key.name}: {world.fleet.spec}")
    return roll_out(wanted, layout, world)


def _objects(
    zones: list[ZoneObject], honoured: Collection[str], layout: Layout, rollout: Rollout, world: World
) -> tuple[tuple[Object, ...], frozenset[tuple[str, str]]]:
    """What to apply, in order, and what else must stay."""
    found = objects.basis(layout)
    edges = [
        services.edge(layout, zone, zone.spec.exposure)
        for zone in zones
        if zone.uid in honoured and isinstance(zone.spec, ZoneSpec) and not zone.spec.paused
    ]
    budgets = objects.budgets(layout)
    apply = [*found, *edges, *([] if rollout.frozen else budgets), *rollout.apply]
    keep = {(obj["kind"], obj["metadata"]["name"]) for obj in apply}
    keep |= {("Deployment", name) for name in rollout.held}
    keep |= {("Service", naming.edge(zone.name)) for zone in zones}
    keep |= {("ConfigMap", name) for name in naming.record_chunks(world.key.name)}
    keep |= {("Secret", name) for name in _secret_names(layout)}
    if rollout.frozen:
        keep |= _whatever_runs(layout, world)
    return tuple(apply), frozenset(keep)


def _whatever_runs(layout: Layout, world: World) -> set[tuple[str, str]]:
    """Everything of the present data centres that a valid ShieldFleet might have asked for."""
    fleet = world.key.name
    tiers = [naming.tier(fleet, tier, place.key) for tier, place in layout.tiers()]
    stores = [naming.redis(fleet, key) for key in layout.places]
    kept = {("PodDisruptionBudget", name) for name in tiers}
    kept |= {(kind, name) for name in stores for kind in ("Deployment", "Service", "NetworkPolicy")}
    return kept | {("Secret", naming.redis_secret(fleet))}


def _secret_names(layout: Layout) -> tuple[str, ...]:
    found = _secrets(layout)
    return (*found.certificates.values(), *([found.redis] if found.redis else []))


def _secrets(layout: Layout) -> Secrets:
    fleet = layout.key.name
    managed = any(layout.manages_redis(key) for key in layout.places)
    return Secrets(
        certificates={str(tier): naming.certificate_secret(fleet, tier) for tier in (Tier.LOWER, Tier.UPPER)},
        redis=naming.redis_secret(fleet) if managed else None,
        owners=layout.owners,
        labels=naming.fleet_labels(fleet, "state"),
    )


def _superseded(world: World) -> bool:
    """Whether a later leader has already written: then this one writes nothing."""
    return world.record is not None and world.record.lease > world.lease


def _under_way(
    state: FleetState, rollout: Rollout, assigned: Assignments, unacknowledged: Mapping[str, float], world: World
) -> bool:
    changed = world.record is None or world.record.state != state
    memory = assigned.memory
    watching = memory.challenges or memory.unmeasured_since or memory.runner_up_challenges
    return bool(changed or rollout.active or rollout.unsettled or unacknowledged or watching or assigned.moving())

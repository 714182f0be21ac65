"""What is decided about a fleet that has zones, before it is put into objects, statuses and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shield_operator.core.assigning import Assignments, assign_zones
from shield_operator.core.checks import Violation, first_violation
from shield_operator.core.claims import winners
from shield_operator.core.fleets import fleet_spec, is_invalid
from shield_operator.core.layout import Layout, lay_out
from shield_operator.core.mounts import crowded_out
from shield_operator.core.objects import fleet as objects
from shield_operator.core.origins import judged
from shield_operator.core.places import find_places, home, is_paused
from shield_operator.core.rollout import Rollout, hold_all, roll_out
from shield_operator.core.spec import ZoneSpec
from shield_operator.core.world import World, ZoneObject
from shield_operator.core.zonestate import fleet_state, last_part, part
from shield_proxy.config.state import FleetState, Zone


@dataclass(frozen=True, slots=True)
class Decision:
    """Every part speaks of the zones that are not being deleted, by their UIDs."""

    violations: Mapping[str, Violation | None]
    moving: frozenset[str]
    """Zones whose spec is put into effect; the others keep what they have."""
    homes: Mapping[str, tuple[str, ...]]
    """Data centres that serve a zone."""
    assigned: Assignments
    layout: Layout
    state: FleetState
    rollout: Rollout


def decide(zones: Sequence[ZoneObject], world: World) -> Decision:
    """The decision for the zones, oldest first; at least one."""
    places = find_places(world.nodes)
    winning = winners(world.claims, ignoring={zone.uid for zone in world.zones if zone.deleting})
    last = {zone.uid: last_part(world, zone.uid) for zone in zones}
    violations = {
        zone.uid: None if zone.leaving else first_violation(zone, last[zone.uid], places, winning, world)
        for zone in zones
    }
    refused = {zone.uid for zone in zones if zone.leaving or violations[zone.uid] is not None}
    crowded = crowded_out(zones, last, refused)
    violations |= {uid: Violation("TooManyCertificates", why) for uid, why in crowded.items()}
    parts = {
        zone.uid: found if _left_alone(zone, last[zone.uid]) else judged(found, world.checks)
        for zone in zones
        if (found := part(zone, violations[zone.uid] is None, last[zone.uid], winning, world.record))
    }
    moving = frozenset(zone.uid for zone in zones if violations[zone.uid] is None and not is_paused(zone))
    homes = {
        zone.uid: home(zone, zone.uid not in moving and last[zone.uid] is not None, places, world)
        for zone in zones
        if zone.uid in parts or isinstance(zone.spec, ZoneSpec)
    }
    lower = {key: place for key, place in places.items() if any(key in keys for keys in homes.values())}
    assigned = assign_zones(zones, parts, last, homes, lower, world)
    layout = lay_out(zones, parts.values(), assigned.all(), lower, fleet_spec(world), world)
    deployments = objects.deployments(layout)
    return Decision(
        violations=violations,
        moving=moving,
        homes=homes,
        assigned=assigned,
        layout=layout,
        state=fleet_state(world, assigned.with_uppers(parts), layout.data_centers()),
        rollout=hold_all(deployments, "the ShieldFleet is invalid")
        if is_invalid(world)
        else roll_out(deployments, layout, world),
    )


def _left_alone(zone: ZoneObject, last: Zone | None) -> bool:
    """Whether a zone keeps what was said of its origins: its owner has paused it. A zone on its way to another fleet,
    or whose new spec can't be honoured, follows its checks."""
    return isinstance(zone.spec, ZoneSpec) and zone.spec.paused and last is not None

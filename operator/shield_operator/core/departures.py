"""Zones on their way from one fleet to another: the former fleet serves them until the Service of their clients leads
to the new one, and that it does once the new fleet can serve them."""

from collections.abc import Mapping
from dataclasses import replace

from shield_operator.core.situation import Situation
from shield_operator.core.world import World, ZoneObject
from shield_operator.core.zonestate import last_part

LINGER_SECONDS = 15.0
"""The former fleet serves for so long after the Service leads elsewhere: nodes learn of it a little later."""


def staying(world: World) -> tuple[tuple[ZoneObject, ...], Mapping[str, float]]:
    """Zones of other fleets that this one must still serve, marked `leaving`, and UID -> since when the Service of each
    leads elsewhere."""
    since = {
        zone.uid: world.memory.left_since.get(zone.uid, world.now)
        for zone in world.leaving
        if leads_to(zone, world) != world.key.name
    }
    found = (
        replace(zone, leaving=True)
        for zone in world.leaving
        if last_part(world, zone.uid) is not None
        and not (zone.uid in since and world.now - since[zone.uid] >= LINGER_SECONDS)
    )
    return tuple(sorted(found, key=lambda zone: (zone.created, zone.uid))), since


def awaited(zone: ZoneObject, situation: Situation, world: World) -> bool:
    """Whether the zone's Service leads to another fleet and has to until this one can serve the zone."""
    fleet = leads_to(zone, world)
    if fleet in (None, world.key.name):
        return False
    able = situation.part is not None and not (situation.missing or situation.unaware or situation.unassigned)
    return not able or situation.dark


def leads_to(zone: ZoneObject, world: World) -> str | None:
    """The fleet whose pods the zone's Service selects; None without a Service, or where a hand changed that."""
    return world.edge_fleets.get(zone.uid)

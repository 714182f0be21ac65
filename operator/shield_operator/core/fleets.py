"""The spec of a fleet that holds now."""

from shield_operator.core.spec import FleetSpec
from shield_operator.core.world import World
from shield_proxy.config.reading import InvalidField


def fleet_spec(world: World) -> FleetSpec:
    """The fleet's spec; the chart's defaults where there is none, or none that can be honoured."""
    fleet = world.fleet
    if fleet is None or fleet.deleting or isinstance(fleet.spec, InvalidField):
        return world.installation.fleet_defaults
    return fleet.spec


def is_invalid(world: World) -> bool:
    """Whether there is a ShieldFleet that can't be honoured: what it asked for before can't be told."""
    return world.fleet is not None and not world.fleet.deleting and isinstance(world.fleet.spec, InvalidField)

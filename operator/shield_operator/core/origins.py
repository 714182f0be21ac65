"""What health checks say of the origins of zones: who is unhealthy, and what a zone's condition and Events tell of it.

The checks' own counters are all the hysteresis there is. What is not known is not unhealthy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from shield_operator.core import naming
from shield_operator.core.conditions import ORIGINS_HEALTHY, Finding
from shield_operator.core.health.verdict import SUSPENDED
from shield_operator.core.plan import Happening
from shield_operator.core.world import CheckHealth, World, ZoneObject
from shield_proxy.config.checks.health import Health
from shield_proxy.config.fallbacks import in_use
from shield_proxy.config.state import Origin, Zone

MOST_NAMED = 6
"""Origins in a message."""
UNHEALTHY, NOT_FOUND = "OriginUnhealthy", "CheckNotFound"


def judged(part: Zone, checks: Mapping[str, CheckHealth]) -> Zone:
    """The zone's part with what its checks say now. A check that does not exist says nothing."""
    if all(origin.check is None and not origin.unhealthy for origin in part.origins):
        return part
    return replace(part, origins=tuple(_judged(origin, checks) for origin in part.origins))


def _judged(origin: Origin, checks: Mapping[str, CheckHealth]) -> Origin:
    return replace(origin, unhealthy=_status(origin, checks) == Health.UNHEALTHY)


def _status(origin: Origin, checks: Mapping[str, CheckHealth]) -> str:
    found = checks.get(origin.check) if origin.check is not None else None
    return found.status if found is not None else Health.UNKNOWN


def origins_finding(part: Zone | None, world: World) -> Finding | None:
    """The condition OriginsHealthy; None for a zone that is not served, or whose origins name no check."""
    checked = [origin for origin in part.origins if origin.check is not None] if part is not None else []
    if part is None or not checked:
        return None
    statuses = {origin.name: _status(origin, world.checks) for origin in checked}
    missing = [origin for origin in checked if origin.check not in world.checks]
    unhealthy = [origin for origin in checked if statuses[origin.name] == Health.UNHEALTHY]
    if unhealthy or missing:
        said = [_told(origin, part, world) for origin in unhealthy]
        said += [f"{origin.name}: there is no HealthCheck {origin.check}" for origin in missing]
        return Finding(ORIGINS_HEALTHY, False, UNHEALTHY if unhealthy else NOT_FOUND, _some(said))
    unknown = [origin for origin in checked if statuses[origin.name] != Health.HEALTHY]
    if not unknown:
        said_of = f"{len(checked)} of {len(checked)} checked origins are healthy"
        return Finding(ORIGINS_HEALTHY, True, "Healthy", said_of)
    said = [f"{origin.name}: check {origin.check} is {statuses[origin.name]}" for origin in unknown]
    suspended = all(statuses[origin.name] == SUSPENDED for origin in unknown)
    return Finding(ORIGINS_HEALTHY, None, "CheckSuspended" if suspended else "CheckUnknown", _some(said))


def origin_happenings(zone: ZoneObject, last: Zone | None, part: Zone, world: World) -> Iterator[Happening]:
    """Events of the change from the zone's part of the record to the one that is written now."""
    before = {origin.name: origin for origin in last.origins} if last is not None else {}
    served = {name: _name(who) for name, who in in_use(last.origins).items()} if last is not None else {}
    serves = in_use(part.origins)
    for origin in part.origins:
        was = before.get(origin.name)
        had = was is not None and was.unhealthy
        if origin.unhealthy and (not had or served[origin.name] != _name(serves[origin.name])):
            yield _event(zone, "Warning", UNHEALTHY, _told(origin, part, world))
        elif had and not origin.unhealthy and origin.check is not None:
            status = _status(origin, world.checks)
            reason = "OriginHealthy" if status == Health.HEALTHY else "OriginHealthUnknown"
            yield _event(zone, "Normal", reason, f"{origin.name}: check {origin.check} is {status}, it is used again")


def _told(origin: Origin, part: Zone, world: World) -> str:
    found = world.checks.get(origin.check) if origin.check is not None else None
    why = f": {found.reason}" if found is not None and found.reason else ""
    return f"{origin.name}: check {origin.check} is Unhealthy{why}; {_instead(origin, part)}"


def _instead(origin: Origin, part: Zone) -> str:
    who = in_use(part.origins)[origin.name]
    if who is None:
        return "requests for it are refused"
    return f"{who.name} serves instead" if who.name != origin.name else "it is asked all the same"


def _name(origin: Origin | None) -> str:
    return origin.name if origin is not None else ""


def _event(zone: ZoneObject, kind: str, reason: str, message: str) -> Happening:
    return Happening(naming.ZONE_KIND, zone.name, zone.uid, kind, reason, message)


def _some(said: list[str]) -> str:
    more = f", and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    return "; ".join(said[:MOST_NAMED]) + more

"""The status of a zone, whole, as a dictionary. Nothing in it changes while nothing happens."""

from collections.abc import Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.certificates import certificate_finding, lasts
from shield_operator.core.checks import Violation, unresolved_origins
from shield_operator.core.conditions import (
    DEGRADED,
    ORIGIN_UNRESOLVABLE,
    READY,
    RECONCILING,
    STALLED,
    Finding,
    condition,
    set_conditions,
)
from shield_operator.core.layout import Layout
from shield_operator.core.origins import origins_finding
from shield_operator.core.rollout import Rollout
from shield_operator.core.situation import Situation
from shield_operator.core.spec import ZoneSpec
from shield_operator.core.uppers import Upper
from shield_operator.core.world import World, ZoneObject
from shield_proxy.config.contract import Tier

GRACE_SECONDS = 30.0
"""A Ready zone stays so while a change travels to its pods, for so long."""


def zone_status(
    zone: ZoneObject,
    violation: Violation | None,
    situation: Situation,
    layout: Layout,
    rollout: Rollout,
    stalled: bool,
    waited: float,
    world: World,
) -> Mapping[str, Any]:
    """The zone's status. `waited`: seconds since the newest generation is under way to all that need it."""
    before = zone.status
    refused = world.refusals.get(("Service", naming.edge(zone.name)))
    ready = _ready(zone, violation, situation, waited, refused)
    certificate = certificate_finding(situation.part, rollout, world)
    findings = [
        ready,
        _reconciling(zone, situation, rollout),
        Finding(STALLED, stalled, "RolloutStuck" if stalled else "Progressing", rollout.message if stalled else ""),
        _degraded(before, ready, situation, certificate),
        _origin_unresolvable(zone, world),
    ]
    further = (certificate, origins_finding(situation.part, world))
    findings += [finding for finding in further if finding is not None]
    conditions = set_conditions(before, findings, zone.generation, world.timestamp)
    known = situation.part is not None and not situation.unaware
    if ready.status and not known:
        conditions[0]["observedGeneration"] = condition(before, READY).get("observedGeneration", zone.generation)
    part = situation.part
    generations = before.get("generations") or {}
    out: dict[str, Any] = {
        "observedGeneration": zone.generation,
        "conditions": conditions,
        "hosts": list(part.hosts) if part else [],
        "upperTiers": [_upper_tier(upper) for upper in situation.uppers],
        "dataCenters": _data_centers(situation, layout),
        "endpoints": _endpoints(zone, world),
        "generations": {
            "state": part.generation if part else 0,
            "acknowledged": part.generation
            if part and known
            else min(int(generations.get("acknowledged") or 0), part.generation if part else 0),
        },
        "pods": f"{sum(c.ready for c in situation.crews)}/{sum(c.desired for c in situation.crews)}",
    }
    out["summary"] = {"upper": _summary_of_uppers(situation.uppers), "hosts": _summary_of_hosts(zone, out["hosts"])}
    return out


def _ready(
    zone: ZoneObject, violation: Violation | None, situation: Situation, waited: float, refused: str | None
) -> Finding:
    if violation is not None:
        kept = "" if situation.part is None else " (what was served before is still served)"
        return Finding(READY, False, violation.reason, f"{violation.message}{kept}")
    if situation.part is None:
        return Finding(READY, False, "Paused", "the zone was paused before it was ever served")
    if refused is not None:
        return Finding(READY, False, "ServiceRefused", f"spec.exposure: the zone's Service is not as wanted: {refused}")
    if situation.missing:
        crew = situation.missing[0]
        more = f", and {len(situation.missing) - 1} more" if len(situation.missing) > 1 else ""
        return Finding(READY, False, "PodsNotReady", f"no pod of the {crew.where} is Ready{more}")
    if situation.dark:
        return Finding(READY, False, "PodsNotReady", "no pod of a lower tier is Ready in any data centre")
    if situation.unassigned:
        names = ", ".join(situation.unassigned)
        return Finding(READY, False, "Assigning", f"waiting for measurements to choose the upper tier of {names}")
    serving = Finding(READY, True, "Serving", f"served in {len({c.data_center for c in situation.crews})} data centres")
    if not situation.unaware:
        return serving
    if condition(zone.status, READY).get("status") == "True" and waited < GRACE_SECONDS:
        return serving
    crew = situation.unaware[0]
    said = f"no Ready pod of the {crew.where} has acknowledged generation {situation.part.generation}"
    return Finding(READY, False, "NotAcknowledged", said)


def _reconciling(zone: ZoneObject, situation: Situation, rollout: Rollout) -> Finding:
    if isinstance(zone.spec, ZoneSpec) and zone.spec.paused:
        return Finding(RECONCILING, False, "Paused", "spec.paused: the zone is left as it is")
    if rollout.active:
        return Finding(RECONCILING, True, "RollingOut", rollout.message)
    if situation.part is None:
        return Finding(RECONCILING, False, "NotServed")
    if situation.missing:
        return Finding(RECONCILING, True, "Starting", f"the {situation.missing[0].where} has no Ready pod yet")
    if situation.unassigned:
        return Finding(RECONCILING, True, "Assigning", "waiting for measurements")
    moving = [upper for upper in situation.uppers if upper.order[0] != upper.data_center]
    if moving:
        said = f"{moving[0].order[0]} serves {moving[0].backend} until {moving[0].data_center} is Ready"
        return Finding(RECONCILING, True, "Reassigning", said)
    if situation.unaware:
        said = f"generation {situation.part.generation} is on its way to the {situation.unaware[0].where}"
        return Finding(RECONCILING, True, "Propagating", said)
    return Finding(RECONCILING, False, "UpToDate")


def _degraded(before: Mapping[str, Any], ready: Finding, situation: Situation, certificate: Finding | None) -> Finding:
    served = ready.status or "True" in (
        condition(before, READY).get("status"),
        condition(before, DEGRADED).get("status"),
    )
    if served and not situation.thinned and certificate is not None and lasts(certificate):
        return Finding(DEGRADED, True, certificate.reason, certificate.message)
    if not served or not situation.thinned:
        return Finding(DEGRADED, False, "Complete" if served else "NotServed")
    said = "; ".join(f"{crew.where}: {crew.ready} of {crew.desired} pods Ready" for crew in situation.thinned[:4])
    return Finding(DEGRADED, True, "PodsUnavailable", said)


def _origin_unresolvable(zone: ZoneObject, world: World) -> Finding:
    found = unresolved_origins(zone, world)
    if not found:
        return Finding(ORIGIN_UNRESOLVABLE, False, "Resolved")
    return Finding(ORIGIN_UNRESOLVABLE, True, "NotResolved", "; ".join(f"{field}: {why}" for field, _, why in found))


def _upper_tier(upper: Upper) -> Mapping[str, Any]:
    out: dict[str, Any] = {
        "backend": upper.backend,
        "topology": "Smart",
        "dataCenter": upper.data_center,
        "since": upper.since,
        "reason": upper.reason,
        "message": upper.message,
    }
    if upper.milliseconds is not None:
        out["latencyMilliseconds"] = upper.milliseconds
    if upper.runner_up is not None:
        out["runnerUp"] = upper.runner_up
    return out


def _data_centers(situation: Situation, layout: Layout) -> list[Mapping[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for crew in situation.crews:
        place = layout.places[crew.data_center]
        entry = found.setdefault(crew.data_center, {"name": place.key, "region": place.region, "zone": place.zone})
        entry[str(crew.tier)] = f"{crew.ready}/{crew.desired}"
    first = {upper.order[0] for upper in situation.uppers}
    for key, entry in found.items():
        if str(Tier.UPPER) in entry:
            entry["upperRole"] = "Assigned" if key in first else "Standby"
    return [found[key] for key in sorted(found)]


def _endpoints(zone: ZoneObject, world: World) -> list[dict[str, Any]]:
    service = world.edge_services.get(zone.uid)
    if service is None:
        return []
    spec = service.get("spec", service)
    out = []
    for port in spec.get("ports") or ():
        entry: dict[str, Any] = {
            "address": naming.service_dns(naming.edge(zone.name), zone.namespace),
            "port": port["port"],
            "scheme": port.get("name", "http"),
        }
        if spec.get("clusterIP"):
            entry["clusterIP"] = spec["clusterIP"]
        if port.get("nodePort"):
            entry["nodePort"] = port["nodePort"]
        out.append(entry)
    return out


def _summary_of_uppers(uppers: tuple[Upper, ...]) -> str:
    return ",".join(dict.fromkeys(upper.order[0] for upper in uppers))


def _summary_of_hosts(zone: ZoneObject, served: list[str]) -> str:
    hosts = served or (list(zone.spec.hosts) if isinstance(zone.spec, ZoneSpec) else [])
    return f"{hosts[0]} +{len(hosts) - 1}" if len(hosts) > 1 else "".join(hosts)

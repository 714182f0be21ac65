"""The status of a ShieldFleet."""

from collections.abc import Mapping, Sequence
from typing import Any

from shield_operator.core import naming
from shield_operator.core.conditions import READY, RECONCILING, STALLED, Finding, set_conditions
from shield_operator.core.layout import Layout
from shield_operator.core.rollout import Rollout
from shield_operator.core.world import FleetObject, World, ZoneObject
from shield_proxy.config.contract import Tier
from shield_proxy.config.reading import InvalidField


def idle_fleet_status(fleet: FleetObject, world: World) -> Mapping[str, Any]:
    """The status of a fleet that no zone uses."""
    invalid = isinstance(fleet.spec, InvalidField)
    reason, message = ("InvalidSpec", str(fleet.spec)) if invalid else ("NoZones", "no zone names this fleet")
    findings = [
        Finding(READY, False, reason, message),
        Finding(RECONCILING, False, reason),
        Finding(STALLED, False, reason),
    ]
    return {
        "observedGeneration": fleet.generation,
        "conditions": set_conditions(fleet.status, findings, fleet.generation, world.timestamp),
        "zones": 0,
        "lower": "0/0",
        "upper": "0/0",
        "dataCenters": [],
    }


def fleet_status(
    fleet: FleetObject, zones: Sequence[ZoneObject], layout: Layout, rollout: Rollout, stalled: bool, world: World
) -> Mapping[str, Any]:
    """The status of a fleet in use: pods desired and ready per tier and data centre."""
    ready = {workload.name: min(workload.ready, workload.replicas) for workload in world.workloads}
    data_centers: list[dict[str, Any]] = []
    for key in layout.places:
        entry: dict[str, Any] = {"name": key}
        for tier in (Tier.LOWER, Tier.UPPER):
            if desired := layout.replicas(tier, key):
                name = naming.tier(layout.key.name, tier, key)
                entry[str(tier)] = {"desired": desired, "ready": min(ready.get(name, 0), desired)}
        if layout.manages_redis(key):
            entry[naming.REDIS] = {"desired": 1, "ready": min(ready.get(naming.redis(layout.key.name, key), 0), 1)}
        data_centers.append(entry)
    lacking = [
        f"{part} tier in {entry['name']}" if part != naming.REDIS else f"Redis in {entry['name']}"
        for entry in data_centers
        for part in (str(Tier.LOWER), str(Tier.UPPER), naming.REDIS)
        if part in entry and entry[part]["ready"] < entry[part]["desired"]
    ]
    findings = [
        _ready(fleet, lacking),
        Finding(RECONCILING, rollout.active, "RollingOut" if rollout.active else "UpToDate", rollout.message),
        Finding(STALLED, stalled, "RolloutStuck" if stalled else "Progressing", rollout.message if stalled else ""),
    ]
    return {
        "observedGeneration": fleet.generation,
        "conditions": set_conditions(fleet.status, findings, fleet.generation, world.timestamp),
        "zones": len(zones),
        "lower": _total(data_centers, Tier.LOWER),
        "upper": _total(data_centers, Tier.UPPER),
        "dataCenters": data_centers,
    }


def _ready(fleet: FleetObject, lacking: Sequence[str]) -> Finding:
    if isinstance(fleet.spec, InvalidField):
        return Finding(READY, False, "InvalidSpec", f"{fleet.spec} (what ran before still runs)")
    if lacking:
        more = f", and {len(lacking) - 4} more" if len(lacking) > 4 else ""
        return Finding(READY, False, "PodsNotReady", f"pods are missing: {', '.join(lacking[:4])}{more}")
    return Finding(READY, True, "Complete", "every pod is Ready")


def _total(data_centers: Sequence[Mapping[str, Any]], tier: Tier) -> str:
    counts = [entry[str(tier)] for entry in data_centers if str(tier) in entry]
    return f"{sum(c['ready'] for c in counts)}/{sum(c['desired'] for c in counts)}"

"""The status of a check as the operator writes it: all but the entries of data centres. Nothing in it changes while
nothing happens. Pure."""

from collections.abc import Mapping
from typing import Any

from shield_operator.core import naming
from shield_operator.core.conditions import HEALTHY, READY, Finding, condition, set_conditions
from shield_operator.core.health.probers import Duty, Prober
from shield_operator.core.health.verdict import SUSPENDED, Outcome, regions
from shield_operator.core.health.world import CheckObject, ChecksWorld
from shield_proxy.config.checks.health import Health
from shield_proxy.config.checks.reasons import Reason
from shield_proxy.config.reading import InvalidField

OTHER = Reason.OTHER.condition
OF_PROBERS = ("Probing", "Starting", "ProbersFailing", "DataCenterSilent")
"""Reasons of Ready that tell who is heard."""
MOST_NAMED = 6
"""Data centres in a message."""


def check_status(
    check: CheckObject, duty: Duty, outcome: Outcome, troubles: Mapping[Prober, str], world: ChecksWorld
) -> Mapping[str, Any]:
    """The whole status but `probes`."""
    old = check.status
    of_regions = regions(duty, outcome)
    status = SUSPENDED if check.suspended else str(outcome.quorum.health)
    changed = old.get("status") != status
    out: dict[str, Any] = {
        "observedGeneration": check.generation,
        "id": check.uid.replace("-", ""),
        "shard": duty.shard,
        "dataCenters": list(duty.data_centers),
        "status": status,
        "regions": [{"name": name, "health": str(health)} for name, health in of_regions.items()],
        "healthy": f"{sum(health is Health.HEALTHY for health in of_regions.values())}/{len(of_regions)}",
        "modified": _modified(check, world),
        "lastChange": world.timestamp if changed or not old.get("lastChange") else old["lastChange"],
    }
    if silent := _silent(old, outcome):
        out["silent"] = silent
    # While it is not known who is heard, a verdict that stands is still the one that was told, for the reason told.
    same = old.get("regions") == out["regions"] or outcome.quorum.cause is None
    stands = bool(outcome.awaited) and not changed and same
    if stands and old.get("failureReason"):
        out["failureReason"] = old["failureReason"]
    elif outcome.quorum.cause is not None:
        out["failureReason"] = outcome.quorum.cause.reason or str(Reason.OTHER)
    round_trip = _milliseconds(outcome.round_trip) if changed or not old.get("roundTrip") else old["roundTrip"]
    if round_trip is not None and status not in (SUSPENDED, Health.UNKNOWN):
        out["roundTrip"] = round_trip
    healthy = _standing(old, HEALTHY) if stands else None
    findings = [_ready(check, duty, outcome, troubles, world), healthy or _healthy(check, of_regions, outcome)]
    conditions = set_conditions(old, findings, check.generation, world.timestamp)
    if outcome.generation is not None:
        # Who waits for Healthy after an edit waits until every voter has probed by the new spec.
        least = condition(old, HEALTHY).get("observedGeneration", 0) if outcome.awaited else 0
        conditions[1]["observedGeneration"] = min(check.generation, max(outcome.generation, least))
    return {**out, "conditions": conditions}


def _silent(old: Mapping[str, Any], outcome: Outcome) -> list[str]:
    """Who is not heard. Of whom that is not known yet, it is as it was: a new leader takes back nothing unseen."""
    before = old.get("silent") or ()
    return sorted({*outcome.silent, *(key for key in outcome.awaited if key in before)})


def _modified(check: CheckObject, world: ChecksWorld) -> str:
    """When its spec became what it is: with its making, or when the operator saw that it had changed."""
    before = check.status
    if before.get("modified") and before.get("observedGeneration") == check.generation:
        return str(before["modified"])
    return check.created if check.generation == 1 and check.created else world.timestamp


def differs(check: CheckObject, status: Mapping[str, Any]) -> bool:
    """Whether the status must be written: data centres' own entries don't count."""
    return {key: value for key, value in check.status.items() if key != "probes"} != status


def _ready(
    check: CheckObject, duty: Duty, outcome: Outcome, troubles: Mapping[Prober, str], world: ChecksWorld
) -> Finding:
    if isinstance(check.spec, InvalidField):
        return Finding(READY, False, "InvalidSpec", str(check.spec))
    if duty.selection.problem is not None:
        return Finding(READY, False, "UnknownRegion", duty.selection.problem)
    if check.suspended:
        return Finding(READY, True, "Suspended", "spec.suspended: no probes are sent")
    if (refused := _refused(duty, world)) is not None:
        return Finding(READY, False, "ProbersRefused", refused)
    if outcome.silent:
        where, more = outcome.silent[0], len(outcome.silent) - 1
        also = f", nor from {more} more" if more else ""
        for silent in outcome.silent:
            if (trouble := troubles.get(duty.prober(silent))) is not None:
                return Finding(READY, False, "ProbersFailing", f"{silent}: {trouble}")
        lease = world.leases.get(duty.prober(where).name)
        if lease is None or not lease.holder:
            return Finding(READY, False, "Starting", f"no run has begun in {where} yet{also}")
        return Finding(READY, False, "DataCenterSilent", f"nothing is heard from {where}{also}")
    if outcome.awaited:
        stood = _standing(check.status, READY)
        if stood is not None and stood.reason in OF_PROBERS:
            return stood
        return Finding(READY, False, "Starting", f"it is not known yet whether {outcome.awaited[0]} is heard")
    where = ", ".join(duty.data_centers[:MOST_NAMED]) + (", ..." if len(duty.data_centers) > MOST_NAMED else "")
    return Finding(READY, True, "Probing", f"probed from {len(duty.data_centers)} data centres: {where}")


def _standing(status: Mapping[str, Any], kind: str) -> Finding | None:
    """What a condition says, to be said again."""
    found = condition(status, kind)
    truth = {"True": True, "False": False}.get(found.get("status", ""))
    return Finding(kind, truth, found["reason"], found.get("message", "")) if found else None


def blind_status(check: CheckObject, world: ChecksWorld) -> Mapping[str, Any]:
    """The status while no node has the labels: all stays as it was, but that this is said."""
    kept = {key: value for key, value in check.status.items() if key not in ("probes", "conditions")}
    conditions = set_conditions(check.status, [_no_nodes(world)], check.generation, world.timestamp)
    if healthy := condition(check.status, HEALTHY):
        conditions.append(dict(healthy))
    return {**kept, "id": check.uid.replace("-", ""), "conditions": conditions}


def _no_nodes(world: ChecksWorld) -> Finding:
    labels = f"{world.installation.region_label} and {world.installation.zone_label}"
    return Finding(READY, False, "NoNodes", f"no node carries both labels {labels}")


def _healthy(check: CheckObject, of_regions: Mapping[str, Health], outcome: Outcome) -> Finding:
    if check.suspended:
        return Finding(HEALTHY, None, "Suspended", "spec.suspended: no probes are sent")
    total = len(of_regions)
    up = sum(health is Health.HEALTHY for health in of_regions.values())
    down = sum(health is Health.UNHEALTHY for health in of_regions.values())
    match outcome.quorum.health:
        case Health.HEALTHY:
            return Finding(HEALTHY, True, "Healthy", f"healthy in {up} of {total} regions")
        case Health.UNHEALTHY:
            cause = outcome.quorum.cause
            said = f"unhealthy in {down} of {total} regions"
            if cause is None:
                return Finding(HEALTHY, False, OTHER, said)
            why = f"{cause.data_center}: {cause.reason}" + (f": {cause.detail}" if cause.detail else "")
            return Finding(HEALTHY, False, condition_of(cause.reason), f"{why}; {said}")
        case _:
            reporting = any(voter.health is not Health.UNKNOWN for voter in outcome.voters)
            said = "those who report are divided" if reporting else "no data centre has a verdict"
            return Finding(HEALTHY, None, "Divided" if reporting else "NotReported", said)


def condition_of(reason: str) -> str:
    """The word for the reason of an entry, whatever stands there."""
    return Reason(reason).condition if reason in tuple(Reason) else OTHER


def _refused(duty: Duty, world: ChecksWorld) -> str | None:
    """What the API server refused of what the check is run with."""
    for data_center in duty.data_centers:
        name, account = duty.prober(data_center).name, naming.prober_account(data_center)
        for child in (("CronJob", name), ("Job", name), ("ServiceAccount", account), ("Role", account)):
            if child in world.refusals:
                return f"{child[0]} {child[1]} of {data_center}: {world.refusals[child]}"
    return None


def _milliseconds(value: float | None) -> str | None:
    """With three digits that count, at most."""
    return None if value is None else f"{float(f'{value:.3g}'):g}ms"

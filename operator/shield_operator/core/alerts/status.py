"""The status of an alert as the operator writes it: all but what the courier says of targets. Nothing in it changes
while nothing happens. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shield_operator.core.alerts.courier import OBJECTS
from shield_operator.core.alerts.deciding import Decision
from shield_operator.core.alerts.world import AlertObject, AlertSpec, AlertsWorld
from shield_operator.core.conditions import READY, Finding, set_conditions
from shield_proxy.config.alerts.contract import MOST_TARGETS
from shield_proxy.config.alerts.notification import TargetStatus, read_target_statuses
from shield_proxy.config.reading import InvalidField

DELIVERY_FAILING = "DeliveryFailing"
MOST_NAMED = 6
"""Checks or targets in a message."""


def alert_status(alert: AlertObject, decision: Decision | None, world: AlertsWorld) -> Mapping[str, Any]:
    """The whole status but `targets`."""
    if isinstance(alert.spec, InvalidField) or decision is None:
        return _invalid(alert, world)
    spec, names = alert.spec, [target.name for target in alert.spec.targets]
    targets = [status for status in read_target_statuses(alert.status) if status.name in names]
    out: dict[str, Any] = {
        "observedGeneration": alert.generation,
        "watchingSince": decision.watching_since,
        "matched": decision.matched,
        "failing": len(decision.told),
        "unhealthy": [told.to_json() for told in decision.told],
        "notifications": [each.to_json() for each in decision.waiting],
        "lastTest": decision.last_test,
        "lastDelivery": _last_delivery(alert, targets),
    }
    ready = _no_room() if alert.left_out else _ready(spec, decision, targets, world)
    findings = [ready, _delivery(targets)]
    conditions = set_conditions(alert.status, findings, alert.generation, world.timestamp)
    kept = {key: value for key, value in out.items() if value not in ("", [])}
    return {**kept, "conditions": conditions}


def _invalid(alert: AlertObject, world: AlertsWorld) -> Mapping[str, Any]:
    """All stays as it was, but that this is said."""
    old = {key: value for key, value in alert.status.items() if key not in ("targets", "conditions")}
    finding = Finding(READY, False, "InvalidSpec", str(alert.spec))
    conditions = set_conditions(alert.status, [finding], alert.generation, world.timestamp)
    since = alert.status.get("watchingSince") or world.timestamp
    return {**old, "observedGeneration": alert.generation, "watchingSince": since, "conditions": conditions}


def differs(alert: AlertObject, status: Mapping[str, Any]) -> bool:
    """Whether the status must be written: the courier's part doesn't count."""
    return {key: value for key, value in alert.status.items() if key != "targets"} != status


def _no_room() -> Finding:
    return Finding(
        READY,
        False,
        "TooManyTargets",
        f"nothing is told: with this alert those of the namespace have more than {MOST_TARGETS} targets, and older "
        "ones come first. Delete alerts or targets that are not needed, let one alert cover more checks, or move "
        "checks and their alerts to another namespace",
    )


def _ready(spec: AlertSpec, decision: Decision, targets: Sequence[TargetStatus], world: AlertsWorld) -> Finding:
    for child in OBJECTS:
        if child in world.refusals:
            return Finding(READY, False, "ObjectsRefused", f"{child[0]} {child[1]}: {world.refusals[child]}")
    if spec.ignored:
        return Finding(READY, False, "WindowIgnored", _ignored(spec.ignored))
    if missing := spec.selection.missing(each.check.name for each in world.checks):
        return Finding(READY, False, "ChecksMissing", f"spec.checks.names: there is no check {named(missing)}")
    if not world.delivering and world.trouble:
        return Finding(READY, False, "CourierFailing", f"the courier of this namespace does not start: {world.trouble}")
    if not world.delivering:
        return Finding(READY, False, "CourierStarting", "the courier, who delivers for this namespace, is not ready")
    if decision.held_up and any(each.last_error is not None for each in targets):
        return Finding(READY, False, "QueueFull", "targets take nothing: further changes are told when they do")
    covers = f"covers {decision.matched} check{'' if decision.matched == 1 else 's'}"
    if spec.suspended:
        return Finding(READY, True, "Suspended", f"{covers}; spec.suspended: nothing is told")
    if decision.silent_until is not None:
        until = datetime.fromtimestamp(decision.silent_until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Finding(READY, True, "Maintenance", f"{covers}; nothing is told until {until}")
    return Finding(READY, True, "Watching", covers)


def _ignored(problems: Sequence[InvalidField]) -> str:
    """Several windows are counted, so that the message stays short."""
    also = f", and so {'is' if len(problems) == 2 else 'are'} {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{problems[0]}; this window is ignored{also}: what happens in it is told"


def _delivery(targets: Sequence[TargetStatus]) -> Finding:
    """Times and numbers of attempts are left out: they move with each attempt."""
    failing = sorted((each.name, each.last_error.message) for each in targets if each.last_error is not None)
    if not failing:
        return Finding(DELIVERY_FAILING, False, "Delivering", "no target fails")
    said = [f"{name}: {message.rstrip('.')}" for name, message in failing[:MOST_NAMED]]
    more = [f"{len(failing) - MOST_NAMED} more"] if len(failing) > MOST_NAMED else []
    return Finding(DELIVERY_FAILING, True, "TargetFails", "; ".join([*said, *more]))


def _last_delivery(alert: AlertObject, targets: Sequence[TargetStatus]) -> str:
    times = [each.last_delivery.time for each in targets if each.last_delivery is not None]
    return max([*times, str(alert.status.get("lastDelivery") or "")])


def named(names: Sequence[str]) -> str:
    """Names for people; of many the first."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")

"""`make_alerts_plan`: what shall be true of the alerts of one namespace, once its checks are planned. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shield_operator.core.alerts.courier import desired
from shield_operator.core.alerts.deciding import decide
from shield_operator.core.alerts.happenings import alert_happenings
from shield_operator.core.alerts.status import alert_status, differs, invalid_status
from shield_operator.core.alerts.windows import next_change
from shield_operator.core.alerts.world import AlertObject, AlertsWorld
from shield_operator.core.plan import Happening
from shield_proxy.config.reading import InvalidField

QUIET_SECONDS = 3600.0
LATE_SECONDS = 0.05
"""After the end of a window, so that it has surely ended."""


@dataclass(frozen=True, slots=True)
class AlertsPlan:
    """The outcome of `make_alerts_plan`, made true after the plan of the checks, in the order of the fields."""

    objects: tuple[Mapping[str, Any], ...]
    """Server-side applied in this order."""
    keep: frozenset[tuple[str, str]]
    """(kind, name) of every object of the courier that must not be pruned."""
    statuses: Mapping[str, Mapping[str, Any]]
    """Alert -> its whole status but `targets`, of those whose status is another now."""
    happenings: tuple[Happening, ...]
    again_after: float
    """Seconds until the next look even if nothing changes."""


def make_alerts_plan(world: AlertsWorld) -> AlertsPlan:
    """What shall be true of the alerts. The same world gives the same plan, in whatever order its parts stand."""
    alerts = sorted((alert for alert in world.alerts if not alert.deleting), key=lambda alert: alert.name)
    statuses: dict[str, Mapping[str, Any]] = {}
    happenings: list[Happening] = []
    again_after = QUIET_SECONDS
    for alert in alerts:
        status, said, later = _one(alert, world)
        again_after = min(again_after, later)
        happenings += said
        if differs(alert, status):
            statuses[alert.name] = status
    objects = desired(alerts, world)
    return AlertsPlan(
        objects=objects,
        keep=frozenset((body["kind"], body["metadata"]["name"]) for body in objects),
        statuses=statuses,
        happenings=tuple(happenings),
        again_after=again_after,
    )


def _one(alert: AlertObject, world: AlertsWorld) -> tuple[Mapping[str, Any], list[Happening], float]:
    """Its status, its Events, and after how many seconds it may change by itself."""
    spec = alert.spec
    if isinstance(spec, InvalidField):
        status = invalid_status(alert, spec, world)
        return status, alert_happenings(alert, status, None), QUIET_SECONDS
    covered = [each for each in world.checks if spec.selection.covers(each.check.name, each.check.labels)]
    missing = spec.selection.missing(each.check.name for each in world.checks)
    decision = decide(alert, spec, covered, world.now, world.timestamp)
    status = alert_status(alert, spec, decision, len(covered), missing, world)
    change = next_change(spec.windows, world.now)
    later = QUIET_SECONDS if change is None else change - world.now + LATE_SECONDS
    return status, alert_happenings(alert, status, decision), later

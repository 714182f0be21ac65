"""`make_alerts_plan`: what shall be true of the alerts of one namespace, once its checks are planned. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shield_operator.core.alerts.courier import desired
from shield_operator.core.alerts.deciding import Decision, decide
from shield_operator.core.alerts.happenings import alert_happenings
from shield_operator.core.alerts.status import alert_status, differs
from shield_operator.core.alerts.windows import next_change
from shield_operator.core.alerts.world import AlertObject, AlertSpec, AlertsWorld
from shield_operator.core.plan import Happening
from shield_proxy.config.alerts.places import left_out
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
    told: frozenset[str]
    """Checks that these statuses tell something new of: their own statuses are written before."""
    happenings: tuple[Happening, ...]
    again_after: float
    """Seconds until the next look even if nothing changes."""


def make_alerts_plan(world: AlertsWorld) -> AlertsPlan:
    """What shall be true of the alerts. The same world gives the same plan, in whatever order its parts stand."""
    alerts = _served(world)
    statuses: dict[str, Mapping[str, Any]] = {}
    happenings: list[Happening] = []
    told: set[str] = set()
    for alert in alerts:
        decision = _decided(alert, world)
        status = alert_status(alert, decision, world)
        happenings += alert_happenings(alert, status, decision)
        told |= {each.check for each in decision.added} if decision is not None else set()
        if differs(alert, status):
            statuses[alert.name] = status
    objects = desired(alerts, world)
    return AlertsPlan(
        objects=objects,
        keep=frozenset((body["kind"], body["metadata"]["name"]) for body in objects),
        statuses=statuses,
        told=frozenset(told),
        happenings=tuple(happenings),
        again_after=_again_after(alerts, world),
    )


def _served(world: AlertsWorld) -> list[AlertObject]:
    """The alerts that are not about to go, by name, those marked for which there is no room. Whoever is about to go has
    its place as long as the courier sees it."""
    without = left_out(alert.place for alert in world.alerts)
    staying = sorted((alert for alert in world.alerts if not alert.deleting), key=lambda alert: alert.name)
    return [replace(alert, left_out=True) if alert.uid in without else alert for alert in staying]


def _decided(alert: AlertObject, world: AlertsWorld) -> Decision | None:
    """What is told; None where the spec can't be honoured."""
    if isinstance(alert.spec, InvalidField):
        return None
    return decide(alert, alert.spec, world.covered(alert.spec), world.now, world.timestamp)


def _again_after(alerts: Sequence[AlertObject], world: AlertsWorld) -> float:
    """Nobody tells that a window begins or ends."""
    windows = [window for alert in alerts if isinstance(alert.spec, AlertSpec) for window in alert.spec.windows]
    change = next_change(windows, world.now)
    return QUIET_SECONDS if change is None else min(QUIET_SECONDS, change - world.now + LATE_SECONDS)

"""What the operator sees of the alerts of one namespace at one moment. `make_alerts_plan` needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shield_operator.core.alerts.selection import Selection
from shield_operator.core.alerts.windows import Window
from shield_operator.core.health.world import CheckObject, ChecksKey
from shield_operator.core.world import Installation
from shield_proxy.config.alerts.alert import Target, Trigger
from shield_proxy.config.alerts.places import Place
from shield_proxy.config.reading import InvalidField


@dataclass(frozen=True, slots=True)
class AlertSpec:
    """What an alert's owner wants. How it is named in what is told, the courier reads."""

    targets: tuple[Target, ...]
    selection: Selection = field(default_factory=Selection)
    trigger: Trigger = Trigger.BOTH
    suspended: bool = False
    windows: tuple[Window, ...] = ()
    ignored: tuple[InvalidField, ...] = ()
    """Of windows that can't be understood: a slip there must not keep from anybody that a check is unhealthy."""


@dataclass(frozen=True, slots=True)
class AlertObject:
    """A HealthAlert as it stands in the cluster."""

    uid: str
    name: str
    generation: int
    """metadata.generation."""
    spec: AlertSpec | InvalidField
    place: Place = field(default_factory=Place)
    left_out: bool = False
    """Older alerts have all the targets that a courier serves: nothing is told."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """As last seen, what the courier wrote included."""
    test: str = ""
    """The token of the test that was last asked for."""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """A check, and what its status says now."""

    check: CheckObject
    """With its status as it was seen, entries of data centres included."""
    after: Mapping[str, Any]
    """The status as it is written in the same reconcile, without these entries."""

    @property
    def status(self) -> str:
        """Healthy, Unhealthy, Unknown or Suspended."""
        return str(self.after.get("status") or "Unknown")

    @property
    def changed(self) -> str:
        """When this status began, RFC 3339."""
        return str(self.after.get("lastChange") or "")


@dataclass(frozen=True, slots=True)
class AlertsWorld:
    """The alerts of a namespace, its checks, and the time."""

    key: ChecksKey
    installation: Installation
    now: float
    """Seconds since the epoch."""
    timestamp: str
    """The same as RFC 3339 UTC."""
    alerts: tuple[AlertObject, ...]
    checks: tuple[Watched, ...] = ()
    delivering: bool = False
    """A courier is there and ready."""
    trouble: str = ""
    """Why none becomes ready; "" where it is not known, or only takes its time."""
    refusals: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(kind, name) of each object of the last plan that the API server refused -> why."""

    def covered(self, spec: AlertSpec) -> tuple[Watched, ...]:
        """The checks that an alert covers."""
        return tuple(each for each in self.checks if spec.selection.covers(each.check.name, each.check.labels))

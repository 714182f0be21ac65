"""A namespace with alerts as values: an operator that may fail between two writes, and a courier that delivers."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from shield_operator.core.alerts.decode import alert_object
from shield_operator.core.alerts.planning import AlertsPlan, make_alerts_plan
from shield_operator.core.alerts.world import AlertObject, AlertsWorld, Watched
from shield_operator.core.decode_fleet import BUILT_IN
from shield_operator.core.health.decode import check_object
from shield_operator.core.health.world import CheckObject, ChecksKey
from shield_operator.core.world import Installation
from shield_proxy.config.alerts.contract import ANNOTATION_TEST
from shield_proxy.config.alerts.notification import (
    Delivery,
    DeliveryError,
    Notification,
    TargetStatus,
    read_notifications,
    read_target_statuses,
)

START = 1_790_000_000.0
"""A Monday, 14:13:20 UTC."""
HOOK = {"name": "hook", "webhook": {"url": "https://hook.example.com/"}}
MAIL = {"name": "mail", "email": {"to": ["a@b.c"], "from": "d@e.f", "server": {"host": "mail.example.com"}}}
REASON = "TCP connection failed"


def stamp(now: float) -> str:
    """As status tells times."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def alert_of(name: str = "down", generation: int = 1, **spec: Any) -> AlertObject:
    """An alert as decoded, by default to one webhook."""
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "generation": generation}
    return alert_object({"metadata": metadata, "spec": {"targets": [HOOK], **spec}})


@dataclass
class Street:
    """Checks with a verdict each, and one alert `down` over them."""

    now: float = START
    verdicts: dict[str, str] = field(default_factory=dict)
    """What data centres say now."""
    checks: dict[str, CheckObject] = field(default_factory=dict)
    """With the status that was written last."""
    alerts: dict[str, AlertObject] = field(default_factory=lambda: {"down": alert_of()})
    version: int = 0
    """Of the alerts: a plan is written only where nothing was written since it was made."""
    delivering: bool = True
    trouble: str = ""
    refusals: dict[tuple[str, str], str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Targets that take nothing."""
    refusing: set[str] = field(default_factory=set)
    """Targets for which everything is given up."""
    delivered: dict[str, list[Notification]] = field(default_factory=dict)
    """By target, in order."""
    happenings: list[tuple[str, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    most_queued: int = 0
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def check(
        self, name: str, verdict: str = "Healthy", spec: Mapping[str, Any] = MappingProxyType({}), **labels: str
    ) -> None:
        """A new check, whose verdict is known."""
        metadata = {
            "name": name,
            "namespace": "shop",
            "uid": f"{next(self.numbers):08x}-0000-4000-8000-000000000000",
            "labels": labels,
        }
        status = {"status": verdict, "lastChange": stamp(self.now)}
        address = {"address": "a.example.com", **spec}
        self.checks[name] = check_object({"metadata": metadata, "spec": address, "status": status})
        self.verdicts[name] = verdict

    def fail(self, *names: str) -> None:
        """Data centres say now that these checks are unhealthy; with no name, `origin`."""
        self.verdicts.update(dict.fromkeys(names or ("origin",), "Unhealthy"))

    def mend(self, *names: str) -> None:
        """The same of healthy ones."""
        self.verdicts.update(dict.fromkeys(names or ("origin",), "Healthy"))

    def edit(self, name: str = "down", **spec: Any) -> None:
        """The alert has another spec now."""
        old = self.alerts[name]
        self.alerts[name] = replace(alert_of(name, old.generation + 1, **spec), status=old.status)
        self.version += 1

    def ask_for_test(self, token: str, name: str = "down") -> None:
        """The annotation is set."""
        self.alerts[name] = replace(self.alerts[name], test=token)
        self.version += 1

    def after(self, check: CheckObject) -> Mapping[str, Any]:
        """The status of a check as it is written next."""
        verdict = self.verdicts[check.name]
        kept = {key: value for key, value in check.status.items() if key != "probes"}
        if verdict == kept["status"]:
            return kept
        regions = [{"name": "eu", "health": verdict if verdict in ("Healthy", "Unhealthy") else "Unknown"}]
        condition = {"type": "Healthy", "message": f"eu/a: said {verdict}"}
        out = {"status": verdict, "lastChange": stamp(self.now), "regions": regions, "conditions": [condition]}
        return {**out, "failureReason": REASON} if verdict == "Unhealthy" else out

    def world(self) -> AlertsWorld:
        """As the operator sees it now."""
        return AlertsWorld(
            key=ChecksKey("shop"),
            installation=Installation("smart-shield", "shield:1", "redis:8", "1", BUILT_IN),
            now=self.now,
            timestamp=stamp(self.now),
            alerts=tuple(self.alerts.values()),
            checks=tuple(Watched(check, self.after(check)) for check in self.checks.values()),
            delivering=self.delivering,
            trouble=self.trouble,
            refusals=self.refusals,
        )

    def plan(self) -> AlertsPlan:
        """What the operator wants now."""
        return make_alerts_plan(self.world())

    def write_checks(self) -> None:
        """The statuses of checks are written."""
        for name, check in self.checks.items():
            probes = check.status.get("probes")
            status = dict(self.after(check))
            self.checks[name] = replace(check, status={**status, "probes": probes} if probes else status)

    def write_alerts(self, plan: AlertsPlan, version: int | None = None) -> bool:
        """The statuses of alerts are written, unless somebody wrote since they were seen."""
        if version is not None and version != self.version:
            return False
        for name, status in plan.statuses.items():
            targets = self.alerts[name].status.get("targets")
            written = {**status, "targets": targets} if targets else dict(status)
            self.alerts[name] = replace(self.alerts[name], status=written)
            self.version += 1
            self.most_queued = max(self.most_queued, len(self.queue(name)))
        self.happenings += [(each.name, each.reason) for each in plan.happenings]
        self.messages += [each.message for each in plan.happenings]
        return True

    def step(self, seconds: float = 1.0) -> AlertsPlan:
        """The operator looks, and time passes."""
        plan = self.plan()
        self.write_checks()
        self.write_alerts(plan)
        self.now += seconds
        return plan

    def courier(self, name: str = "down", most: int = 100) -> None:
        """Each target that works takes what is queued, `most` at once, in order."""
        alert = self.alerts[name]
        if not hasattr(alert.spec, "targets"):
            return
        known = {status.name: status for status in read_target_statuses(alert.status)}
        out = []
        for target in alert.spec.targets:
            status = known.get(target.name, TargetStatus(target.name))
            queued = self.queue(name)
            settled = [each for each in status.settled if each in {one.id for one in queued}]
            left = [one for one in queued if one.id not in settled]
            if target.name in self.refusing:
                ids = tuple(each for each in status.given_up if each in settled) + tuple(one.id for one in left)
                error = DeliveryError(stamp(self.now), left[-1].id, "gone", 9) if left else status.last_error
                done = (*settled, *(one.id for one in left))
                out.append(TargetStatus(target.name, done, status.last_delivery, error, ids))
                continue
            if target.name in self.broken:
                error = DeliveryError(stamp(self.now), left[0].id, "refused", 3) if left else status.last_error
                out.append(replace(status, settled=tuple(settled), last_error=error))
                continue
            taken = left[:most]
            self.delivered.setdefault(target.name, []).extend(taken)
            last = status.last_delivery
            if taken:
                last = Delivery(stamp(self.now), taken[-1].id, taken[-1].check, str(taken[-1].event))
            now_settled = tuple(settled + [one.id for one in taken])
            out.append(TargetStatus(target.name, now_settled, last, None if taken else status.last_error))
        before = alert.status.get("targets")
        after = [status.to_json() for status in out]
        if before != after:
            self.alerts[name] = replace(alert, status={**alert.status, "targets": after})
            self.version += 1

    def settle(self, rounds: int = 40) -> None:
        """Operator and courier take turns until nothing moves."""
        for _ in range(rounds):
            version = self.version
            self.step(0.2)
            self.courier()
            if version == self.version:
                return
        raise AssertionError("it does not come to rest")

    def queue(self, name: str = "down") -> tuple[Notification, ...]:
        """What waits to be delivered."""
        return read_notifications(self.alerts[name].status)

    def told(self, name: str = "down") -> list[str]:
        """Checks that are told to be unhealthy."""
        return [each["check"] for each in self.alerts[name].status.get("unhealthy") or ()]

    def heard(self, target: str = "hook") -> list[tuple[str, str]]:
        """(check, event) in the order in which the target got them."""
        return [(each.check, str(each.event)) for each in self.delivered.get(target, ())]

    def condition(self, kind: str = "Ready", name: str = "down") -> tuple[str, str]:
        """Status and reason."""
        found = self.full_condition(kind, name)
        return found["status"], found["reason"]

    def full_condition(self, kind: str = "Ready", name: str = "down") -> Mapping[str, Any]:
        """The whole condition."""
        found: Mapping[str, Any] = next(c for c in self.alerts[name].status["conditions"] if c["type"] == kind)
        return found


@pytest.fixture
def street() -> Street:
    """Two healthy checks, after the first plan."""
    out = Street()
    out.check("origin")
    out.check("database")
    out.step()
    return out


@pytest.fixture(scope="session")
def new_street() -> type[Street]:
    """For tests that make several, or one for each example."""
    return Street


@pytest.fixture(scope="session")
def new_alert() -> Callable[..., AlertObject]:
    """See alert_of."""
    return alert_of


@pytest.fixture(scope="session")
def mail() -> Mapping[str, Any]:
    """A target by e-mail, beside the webhook."""
    return MAIL


@pytest.fixture(scope="session")
def hook() -> Mapping[str, Any]:
    """The webhook."""
    return HOOK


@pytest.fixture(scope="session")
def test_annotation() -> str:
    """By which a test is asked for."""
    return ANNOTATION_TEST

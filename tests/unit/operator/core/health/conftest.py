"""A namespace with health checks as values: it does with a plan what Kubernetes and probers would."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shield_operator.core import naming
from shield_operator.core.decode_fleet import BUILT_IN
from shield_operator.core.health.decode import check_object
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.planning import make_checks_plan
from shield_operator.core.health.world import CheckObject, ChecksKey, ChecksMemory, ChecksWorld, ProberLease, ProberPod
from shield_operator.core.world import Installation, Node

Object = dict[str, Any]
START = 1_790_000_000.0
BIRTH_SECONDS = 2.0
"""From a Job to its run's Lease."""


def check_of(name: str = "origin", number: int = 0, generation: int = 1, **spec: Any) -> CheckObject:
    """A check as decoded; `number` makes its UID."""
    return check_object(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": f"{number:08x}-0000-4000-8000-000000000000",
                "generation": generation,
                "creationTimestamp": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
            },
            "spec": {"address": "origin.example.com", **spec},
        }
    )


@dataclass
class Namespace:
    """The namespace `shop`; `step` plans once and lets the world follow."""

    checks: dict[str, CheckObject] = field(default_factory=lambda: {"origin": check_of()})
    nodes: dict[str, Node] = field(default_factory=dict)
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    """Data centres in which no run comes alive or is heard any more."""
    minutes: int = 10
    now: float = START
    since: float = 0.0
    """When the operator began to lead."""
    memory: ChecksMemory = field(default_factory=ChecksMemory)
    objects: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    leases: dict[str, ProberLease] = field(default_factory=dict)
    pods: list[ProberPod] = field(default_factory=list)
    births: dict[str, float] = field(default_factory=dict)
    """CronJob -> when the run that was started for it comes alive."""
    services: tuple[str, ...] = ()
    refusals: dict[tuple[str, str], str] = field(default_factory=dict)
    happenings: list[tuple[str, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.nodes:
            for key in ("eu/a", "eu/b", "us/a", "asia/a"):
                self.add(key)

    def add(self, key: str, ready: bool = True) -> None:
        """A node of a data centre."""
        region, _, zone = key.partition("/")
        self.nodes[key] = Node(f"node-{key}", region, zone, ready)

    def check(self, name: str = "origin", number: int = 0, **spec: Any) -> None:
        """Makes a check, or edits it."""
        old = self.checks.get(name)
        if old is None:
            self.checks[name] = check_of(name, number, **spec)
        else:
            new = check_of(name, int(old.uid[:8], 16), old.generation + 1, **spec)
            self.checks[name] = replace(new, status=old.status)

    def world(self, shuffled: random.Random | None = None) -> ChecksWorld:
        """As the operator sees it now."""
        checks, nodes, pods = list(self.checks.values()), list(self.nodes.values()), list(self.pods)
        if shuffled is not None:
            for each in (checks, nodes, pods):
                shuffled.shuffle(each)  # type: ignore[arg-type]
        return ChecksWorld(
            key=ChecksKey("shop"),
            installation=Installation(
                namespace="smart-shield",
                image="shield:1",
                redis_image="redis:8",
                version="1",
                fleet_defaults=BUILT_IN,
                region_codes=self.codes,
                run_minutes=self.minutes,
                internal_networks=("10.96.0.0/12",),
            ),
            now=self.now,
            timestamp=self.time(),
            checks=tuple(checks),
            nodes=tuple(nodes),
            leases=dict(self.leases),
            pods=tuple(pods),
            cron_jobs={name: f"uid-{name}" for kind, name in self.objects if kind == "CronJob"},
            children=frozenset(self.objects),
            services=self.services,
            refusals=self.refusals,
            memory=self.memory,
            since=self.since,
        )

    def time(self) -> str:
        """Now, as status tells it."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def step(self, seconds: float = 1.0) -> ChecksPlan:
        """Plans, follows the plan, and lets time pass."""
        plan = make_checks_plan(self.world())
        self.follow(plan)
        self.now += seconds
        self._renew()
        return plan

    def follow(self, plan: ChecksPlan) -> None:
        """All that the plan wants is so."""
        self.memory = plan.memory
        self.objects |= {(body["kind"], body["metadata"]["name"]): body for body in plan.objects}
        self.objects = {child: body for child, body in self.objects.items() if child in plan.keep}
        self.leases = {name: lease for name, lease in self.leases.items() if ("Lease", name) in self.objects}
        for name in (name for kind, name in self.objects if kind == "Lease"):
            self.leases.setdefault(name, ProberLease(name, "", 0.0))
        for name, gone in plan.forget.items():
            probes = [entry for entry in self._probes(name) if entry["dataCenter"] not in gone]
            self._set(name, {**self.checks[name].status, "probes": probes})
        for name, status in plan.statuses.items():
            probes = self._probes(name)
            self._set(name, {**status, "probes": probes} if probes else dict(status))
        for name in plan.starts:
            self.started.append(name)
            if self.place_of(name) not in self.dead:
                self.births.setdefault(name, self.now + BIRTH_SECONDS)
        self.happenings += [(each.name, each.reason) for each in plan.happenings]
        self.messages += [each.message for each in plan.happenings]

    def run(self, seconds: int) -> ChecksPlan:
        """That many steps of a second."""
        for _ in range(seconds):
            plan = self.step()
        return plan

    def report(self, data_center: str, health: str = "Healthy", check: str = "origin", **more: Any) -> None:
        """A data centre writes its entry."""
        generation = more.pop("observedGeneration", self.checks[check].generation)
        entry = {"dataCenter": data_center, "health": health, "observedGeneration": generation, **more}
        probes = [entry for entry in self._probes(check) if entry["dataCenter"] != data_center]
        self._set(check, {**self.checks[check].status, "probes": [*probes, entry]})

    def place_of(self, cron_job: str) -> str:
        """The data centre of a CronJob."""
        place: str = self.objects["CronJob", cron_job]["metadata"]["annotations"][naming.ANNOTATION_DATA_CENTER]
        return place

    def status(self, check: str = "origin") -> Mapping[str, Any]:
        """The status of a check."""
        return self.checks[check].status

    def condition(self, kind: str, check: str = "origin") -> tuple[str, str]:
        """Status and reason."""
        found = self.full_condition(kind, check)
        return found["status"], found["reason"]

    def full_condition(self, kind: str, check: str = "origin") -> Mapping[str, Any]:
        """The whole condition."""
        found: Mapping[str, Any] = next(each for each in self.status(check)["conditions"] if each["type"] == kind)
        return found

    def found(self, kind: str) -> list[Mapping[str, Any]]:
        """Objects of a kind, by name."""
        return [body for (k, _), body in sorted(self.objects.items()) if k == kind]

    def _renew(self) -> None:
        for name, lease in self.leases.items():
            born = self.births.get(name)
            if self.place_of(name) in self.dead:
                self.births.pop(name, None)
            elif lease.lives(self.now) or (born is not None and born <= self.now):
                self.leases[name] = replace(lease, holder=f"{name}-run", heard=self.now)
                self.births.pop(name, None)

    def _probes(self, name: str) -> list[Object]:
        return list(self.checks[name].status.get("probes") or ())

    def _set(self, name: str, status: Mapping[str, Any]) -> None:
        self.checks[name] = replace(self.checks[name], status=status)


@pytest.fixture
def shop() -> Namespace:
    """One check in four data centres of three regions, before the first plan."""
    return Namespace()


@pytest.fixture
def probed() -> Namespace:
    """The same, when every data centre is heard and healthy."""
    shop = Namespace()
    shop.run(5)
    for key in shop.nodes:
        shop.report(key, roundTripMilliseconds=20.0)
    shop.step()
    shop.happenings.clear()
    shop.messages.clear()
    return shop


@pytest.fixture(scope="session")
def new_check() -> Any:
    """Makes checks (see `check_of`)."""
    return check_of


@pytest.fixture(scope="session")
def namespace() -> type[Namespace]:
    """For tests that make several, or one for each example."""
    return Namespace

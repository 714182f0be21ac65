"""The alerts of a namespace, observed, and their statuses written: by nobody who has not seen the newest decision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from shield_operator.core import naming
from shield_operator.core.alerts.decode import alert_object
from shield_operator.core.alerts.planning import AlertsPlan
from shield_operator.core.alerts.world import AlertsWorld, Watched
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.world import ChecksKey, ChecksWorld
from shield_operator.kube.api import Api, ApiError, Conflict
from shield_operator.kube.children import Done, side_by_side
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import ALERT, DEPLOYMENT, POD
from shield_operator.kube.views import Body, matters
from shield_proxy.config.alerts.contract import COURIER

ATTEMPTS = 5
"""At writing a status while a courier writes into it, too."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the statuses."""

    news: bool = False
    """Alerts changed meanwhile in what plans depend on."""
    conflict: Conflict | None = None
    """An alert was left as it is: another decision, or another spec, came between."""


class Alerts:
    """Looks at alerts, and writes their statuses."""

    def __init__(self, api: Api, index: Index) -> None:
        self._api = api
        self._index = index

    def seen(self, key: ChecksKey) -> Mapping[str, Body]:
        """The alerts of a namespace as they stand, by name: what is decided on, and what a decision is written over."""
        return {body["metadata"]["name"]: body for body in self._index.of_fleet(key, ALERT)}

    def observe(self, seen: Mapping[str, Body], checks: ChecksWorld, plan: ChecksPlan) -> AlertsWorld:
        """The alerts that were seen, beside the checks as they will stand."""
        watched = (
            Watched(check, plan.standing[check.uid])
            for check in checks.checks
            if check.uid in plan.standing and not check.preview
        )
        courier = self._index.get(DEPLOYMENT, checks.key.namespace, COURIER)
        return AlertsWorld(
            key=checks.key,
            installation=checks.installation,
            now=checks.now,
            timestamp=checks.timestamp,
            alerts=tuple(alert_object(body) for body in seen.values()),
            checks=tuple(watched),
            delivering=is_ready(courier),
            trouble=trouble_with(courier, self._index.of_fleet(checks.key, POD)),
            refusals=checks.refusals,
        )

    async def write(self, key: ChecksKey, seen: Mapping[str, Body], plan: AlertsPlan, done: Done) -> Written:
        """The statuses stand, but for those that can't: what is decided on an old status may have been told."""
        conflicts: list[Conflict] = []
        news: list[str] = []

        async def one(item: tuple[str, Body]) -> None:
            name, status = item
            try:
                if await self._write(key, seen[name], status, done):
                    news.append(name)
            except Conflict as conflict:
                conflicts.append(conflict)

        await side_by_side(plan.statuses.items(), one)
        return Written(bool(news), conflicts[0] if conflicts else None)

    async def _write(self, key: ChecksKey, seen: Body, status: Body, done: Done) -> bool:
        """Whether there is news in the alert beside what was written."""
        newest: Body | None = seen
        for attempt in range(ATTEMPTS):
            if newest is None:
                return False
            metadata = {each: newest["metadata"][each] for each in ("name", "namespace", "uid", "resourceVersion")}
            body = {"apiVersion": ALERT.api_version, "kind": ALERT.kind, "metadata": metadata, "status": status}
            try:
                after = await self._api.apply(ALERT, body, "status")
            except Conflict:
                newest = await self._api.read(ALERT, key.namespace, seen["metadata"]["name"])
                # A courier writes often, and that is no reason to decide anew.
                if attempt == ATTEMPTS - 1 or (newest is not None and _own(newest) != _own(seen)):
                    raise
            except ApiError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    done.refused.append((body, error))
                return False
            else:
                done.writes += 1
                return self._take_in(seen, after)
        return False

    def _take_in(self, seen: Body, after: Body) -> bool:
        """The index knows it. Whether a plan could be another than that which was made of what was seen."""
        self._index.put(ALERT, after)
        return matters(ALERT, seen, after)


def _own(alert: Body) -> tuple[Any, ...]:
    """What an operator decides on, but for what a courier says."""
    metadata = alert["metadata"]
    status = {key: value for key, value in (alert.get("status") or {}).items() if key != "targets"}
    return metadata["uid"], metadata.get("generation"), metadata.get("annotations"), status


def trouble_with(deployment: Body | None, pods: Iterable[Body]) -> str:
    """Why no pod of a courier becomes ready: what its newest one says, or who refuses to have one; "" where it is not
    known."""
    mine = [
        (str(body["metadata"].get("creationTimestamp") or ""), str((body.get("status") or {}).get("trouble") or ""))
        for body in pods
        if (body["metadata"].get("labels") or {}).get(naming.LABEL_COMPONENT) == naming.COURIER
    ]
    if mine:
        return max(mine)[1]
    conditions = ((deployment or {}).get("status") or {}).get("conditions") or ()
    refused = (each for each in conditions if each.get("type") == "ReplicaFailure" and each.get("status") == "True")
    return next((str(each.get("message") or "") for each in refused), "")


def is_ready(deployment: Body | None) -> bool:
    """Whether a pod of it is."""
    ready = ((deployment or {}).get("status") or {}).get("readyReplicas")
    return isinstance(ready, int) and ready > 0

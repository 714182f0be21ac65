"""The alerts of a namespace, observed, and their statuses written: by whoever saw the newest version alone."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from shield_operator.core.alerts.decode import alert_object
from shield_operator.core.alerts.planning import AlertsPlan
from shield_operator.core.alerts.world import AlertsWorld, Watched
from shield_operator.core.health.plan import ChecksPlan
from shield_operator.core.health.world import ChecksKey, ChecksWorld
from shield_operator.kube.api import Api, ApiError, Conflict
from shield_operator.kube.children import Done, side_by_side
from shield_operator.kube.index import Index
from shield_operator.kube.kinds import ALERT, DEPLOYMENT
from shield_proxy.config.alerts.contract import COURIER


class Alerts:
    """Looks at alerts, and writes their statuses."""

    def __init__(self, api: Api, index: Index) -> None:
        self._api = api
        self._index = index

    def observe(self, checks: ChecksWorld, plan: ChecksPlan) -> AlertsWorld:
        """The alerts as they stand, beside the checks as they will stand."""
        watched = (
            Watched(check, plan.standing[check.uid])
            for check in checks.checks
            if check.uid in plan.standing and not check.preview
        )
        return AlertsWorld(
            key=checks.key,
            installation=checks.installation,
            now=checks.now,
            timestamp=checks.timestamp,
            alerts=tuple(alert_object(body) for body in self._index.of_fleet(checks.key, ALERT)),
            checks=tuple(watched),
            delivering=is_ready(self._index.get(DEPLOYMENT, checks.key.namespace, COURIER)),
            refusals=checks.refusals,
        )

    async def write(self, key: ChecksKey, plan: AlertsPlan, done: Done) -> Conflict | None:
        """The statuses stand. An alert that changed since it was seen is left as it is, and the conflict returned: what
        was decided on an old status may have been told."""
        conflicts: list[Conflict] = []

        async def one(item: tuple[str, Mapping[str, Any]]) -> None:
            try:
                await self._write(key, *item, done)
            except Conflict as conflict:
                conflicts.append(conflict)

        await side_by_side(plan.statuses.items(), one)
        return conflicts[0] if conflicts else None

    async def _write(self, key: ChecksKey, name: str, status: Mapping[str, Any], done: Done) -> None:
        seen = self._index.get(ALERT, key.namespace, name)
        if seen is None:
            return
        metadata = {each: seen["metadata"][each] for each in ("name", "namespace", "uid", "resourceVersion")}
        body = {"apiVersion": ALERT.api_version, "kind": ALERT.kind, "metadata": metadata, "status": status}
        try:
            after = await self._api.apply(ALERT, body, "status")
        except Conflict:
            raise
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                done.refused.append((body, error))
            return
        done.writes += 1
        self._index.put(ALERT, after)


def is_ready(deployment: Mapping[str, Any] | None) -> bool:
    """Whether a pod of it is."""
    ready = ((deployment or {}).get("status") or {}).get("readyReplicas")
    return isinstance(ready, int) and ready > 0

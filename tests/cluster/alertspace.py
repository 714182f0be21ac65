"""Alerts over the checks of one namespace of a bare API server, and tests as their courier."""

import datetime
from typing import Any

from checkspace import APPLY, KINDS, MERGE, Shop
from operatorprocess import GROUPS
from product.polling import poll

COURIER = "shield-courier"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
OBJECTS = {
    "Deployment": DEPLOYMENTS,
    **{kind: KINDS[kind] for kind in ("Role", "RoleBinding", "ServiceAccount", "NetworkPolicy")},
}
HOOK = {"name": "hook", "webhook": {"urlFrom": {"secretName": "hook"}}}
MAIL = {"name": "mail", "email": {"to": ["a@b.c"], "from": "d@e.f", "server": {"host": "mail.example.com"}}}


class Alarm:
    """One alert `down`, beside a shop with two data centres that are heard."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.user = f"system:serviceaccount:{shop.space}:{COURIER}"

    def path(self, name: str = "down", subresource: str = "") -> str:
        """Of an alert."""
        tail = f"/{subresource}" if subresource else ""
        return f"{GROUPS}/namespaces/{self.shop.space}/healthalerts/{name}{tail}"

    def add(self, name: str = "down", **spec: Any) -> None:
        """An alert, by default to one webhook."""
        body = {
            "apiVersion": "smartshield.io/v1alpha1",
            "kind": "HealthAlert",
            "metadata": {"name": name, "namespace": self.shop.space},
            "spec": {"targets": [HOOK], **spec},
        }
        self.shop.api.call("POST", self.path("").rstrip("/"), body)

    def edit(self, **spec: Any) -> None:
        """Its spec is another."""
        self.shop.api.call("PATCH", self.path(), {"spec": spec}, MERGE)

    def status(self, name: str = "down") -> dict[str, Any]:
        """Its status, empty while there is none."""
        found: dict[str, Any] = (self.shop.api.call("GET", self.path(name)) or {}).get("status") or {}
        return found

    def condition(self, kind: str = "Ready", name: str = "down") -> tuple[str, str]:
        """Status and reason; empty while there is none."""
        for each in self.status(name).get("conditions") or ():
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""

    def queue(self, name: str = "down") -> list[dict[str, Any]]:
        """What waits to be delivered."""
        found: list[dict[str, Any]] = self.status(name).get("notifications") or []
        return found

    def found(self) -> dict[str, dict[str, Any]]:
        """What the courier is made of, by kind."""
        out = {}
        for kind, path in OBJECTS.items():
            body = self.shop.api.call("GET", f"{path.format(self.shop.space)}/{COURIER}")
            if body is not None:
                out[kind] = body
        return out

    def courier_runs(self, ready: int = 1) -> None:
        """The Deployment has a pod that is ready, as its controller would say; there is none here."""
        path = f"{DEPLOYMENTS.format(self.shop.space)}/{COURIER}"
        poll("there is a courier", lambda: self.shop.api.call("GET", path), 30)
        status = {"replicas": ready, "readyReplicas": ready, "updatedReplicas": ready, "observedGeneration": 1}
        self.shop.api.merge(f"{path}/status", {"status": status})

    def write(self, status: dict[str, Any], name: str = "down", user: str = "") -> None:
        """The courier applies this of an alert's status."""
        body = {"apiVersion": "smartshield.io/v1alpha1", "kind": "HealthAlert", "status": status}
        query = f"?fieldManager={COURIER}&force=true"
        self.shop.api.call("PATCH", self.path(name, "status") + query, body, APPLY, user or self.user)

    def deliver(self, *targets: str, error: str = "") -> list[tuple[str, str]]:
        """The courier has delivered all that is queued to these targets, or could not. Returns (check, event) of it."""
        queued = self.queue()
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        entries: list[dict[str, Any]] = []
        for target in targets or ("hook",):
            entry: dict[str, Any] = {"name": target, "settled": [] if error else [each["id"] for each in queued]}
            if queued and error:
                last = {"time": now, "notification": queued[0]["id"], "message": error, "attempts": 3}
                entry["lastError"] = last
            elif queued:
                entry["lastDelivery"] = {"time": now, "notification": queued[-1]["id"], "event": queued[-1]["event"]}
            entries.append(entry)
        self.write({"targets": entries})
        return [(each.get("check", ""), each["event"]) for each in queued]

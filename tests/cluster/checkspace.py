"""Health checks of one namespace of a bare API server, and tests as their probers."""

import datetime
from collections.abc import Callable
from typing import Any, TypeVar

from bareapi import BareApi
from operatorprocess import GROUPS
from product.polling import poll

PLACES = {"eu/a": "n1", "us/b": "n2"}
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
KINDS = {
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
}
T = TypeVar("T")
CHILDREN = sorted(KINDS.keys() - {"Job"})


class Shop:
    """The checks of a namespace, and their probers."""

    def __init__(self, api: BareApi, space: str) -> None:
        self.api = api
        self.space = space

    def path(self, name: str = "origin", subresource: str = "") -> str:
        """Of a check."""
        return f"{GROUPS}/namespaces/{self.space}/healthchecks/{name}" + (f"/{subresource}" if subresource else "")

    def add(self, name: str = "origin", **spec: Any) -> None:
        """A check."""
        body = {
            "apiVersion": "smartshield.io/v1alpha1",
            "kind": "HealthCheck",
            "metadata": {"name": name, "namespace": self.space},
            "spec": {"address": "origin.example.com", "checkRegions": ["ALL_REGIONS"], **spec},
        }
        self.api.call("POST", self.path("").rstrip("/"), body)

    def status(self, name: str = "origin") -> dict[str, Any]:
        """Its status, empty while there is none."""
        found: dict[str, Any] = (self.api.call("GET", self.path(name)) or {}).get("status") or {}
        return found

    def condition(self, kind: str, name: str = "origin") -> tuple[str, str]:
        """Status and reason; empty while there is none."""
        for each in self.status(name).get("conditions") or ():
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""

    def found(self, kind: str) -> dict[str, dict[str, Any]]:
        """Objects of the operator's, by name."""
        selector = "?labelSelector=app.kubernetes.io%2Fcomponent%3Dprober"
        listed = self.api.call("GET", KINDS[kind].format(self.space) + selector)["items"]
        return {body["metadata"]["name"]: body for body in listed}

    def of(self, kind: str, data_center: str) -> dict[str, Any]:
        """The only object of a kind in a data centre."""
        prefix = data_center.replace("/", "-")
        (body,) = [
            body
            for body in self.found(kind).values()
            if str(body["metadata"]["labels"].get("smartshield.io/data-center")).startswith(prefix)
        ]
        return body

    def account(self, data_center: str) -> str:
        """The user that a prober is."""
        name = self.of("ServiceAccount", data_center)["metadata"]["name"]
        return f"system:serviceaccount:{self.space}:{name}"

    def renew(self, data_center: str, ahead: float = 0.0) -> None:
        """The prober of a data centre shows that it lives; its clock may be so many seconds ahead."""
        name = self.of("Lease", data_center)["metadata"]["name"]
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)
        at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": f"run-of-{data_center}", "leaseDurationSeconds": 30, "renewTime": at}
        notes = {"smartshield.io/counters": at}
        path = f"{KINDS['Lease'].format(self.space)}/{name}"
        self.api.call(
            "PATCH", path, {"metadata": {"annotations": notes}, "spec": spec}, MERGE, self.account(data_center)
        )

    def heard(self, look: Callable[[], T]) -> Callable[[], T]:
        """The same look, before which all probers show that they live: who polls it has probers that go on."""

        def renewed() -> T:
            for data_center in PLACES:
                self.renew(data_center)
            return look()

        return renewed

    def report(self, data_center: str, health: str, by: str = "", name: str = "origin", **more: Any) -> None:
        """An entry of a data centre, by its own prober or by that of another."""
        entry = {"dataCenter": data_center, "health": health, "observedGeneration": 1, **more}
        self.write({"probes": [entry]}, by or data_center, name)

    def write(self, status: dict[str, Any], by: str, name: str = "origin") -> None:
        """A prober writes of a check's status."""
        body = {"apiVersion": "smartshield.io/v1alpha1", "kind": "HealthCheck", "status": status}
        query = f"?fieldManager=prober-{by.replace('/', '-')}&force=true"
        self.api.call("PATCH", self.path(name, "status") + query, body, APPLY, self.account(by))

    def probed(self) -> None:
        """Both data centres are heard."""
        poll("there are probers", lambda: len(self.found("Lease")) == len(self.found("RoleBinding")) == 2, 30)
        poll("they may renew", lambda: [self.renew(key) for key in PLACES], 10)

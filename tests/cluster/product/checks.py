"""Health checks of one namespace as a user sees them, and what origins saw of their probes."""

import base64
import datetime
import json
import os
import re
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from localcluster import Cluster
from product import objects
from product.install import Installed
from product.kubectl import Tools

AGENT = re.compile(
    r"Mozilla/5\.0 \(compatible;SmartShield-Healthchecks/1\.0;\+https://smartshield\.io/; healthcheck-id: (\w{16})\)"
)
PROBERS = "app.kubernetes.io/component=prober"
KINDS = "cronjobs,jobs,pods,leases,roles,rolebindings,serviceaccounts,networkpolicies"
"""Of what probers are made of."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe as an origin saw it."""

    at: float
    """Seconds since the epoch."""
    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The HealthChecks of a namespace."""

    product: Installed
    space: str

    @property
    def tools(self) -> Tools:
        """kubectl."""
        return self.product.tools

    def apply(self, name: str, address: str, path: str = "/cache/ok", **spec: Any) -> None:
        """A check is there: every five seconds, and impatient, unless `spec` says otherwise."""
        usual = {"interval": 5, "timeout": 1, "retries": 0, "checkRegions": ["ALL_REGIONS"]}
        self.tools.apply(
            {
                "apiVersion": objects.API,
                "kind": "HealthCheck",
                "metadata": {"name": name, "namespace": self.space},
                "spec": {"address": address, "httpConfig": {"path": path}, **usual, **spec},
            }
        )

    def get(self, name: str) -> dict[str, Any]:
        """A check."""
        return self.tools.get("sshc", name, self.space) or {}

    def status(self, name: str) -> dict[str, Any]:
        """The status of a check."""
        return dict(self.get(name).get("status") or {})

    def condition(self, kind: str, name: str) -> tuple[str, str]:
        """Status and reason of a condition; empty while there is none."""
        found = objects.condition(self.get(name), kind)
        return str(found.get("status", "")), str(found.get("reason", ""))

    def entry(self, name: str, data_center: str) -> dict[str, Any]:
        """What a data centre says of a check; empty while it says nothing."""
        entries = self.status(name).get("probes") or ()
        return next((dict(each) for each in entries if each["dataCenter"] == data_center), {})

    def wait(self, name: str, condition: str, seconds: int) -> None:
        """Returns when `kubectl wait --for=condition=...` does; Refused where it doesn't in time."""
        self.tools.kubectl(
            "wait", f"--for=condition={condition}", f"sshc/{name}", "-n", self.space, f"--timeout={seconds}s",
            seconds=seconds + 20,
        )  # fmt: skip

    def lease(self, data_center: str) -> dict[str, Any]:
        """The Lease of a data centre's probers."""
        return next(iter(self._of("leases", data_center)), {})

    def holder(self, data_center: str) -> str:
        """The run that holds it; empty: none."""
        return str((self.lease(data_center).get("spec") or {}).get("holderIdentity") or "")

    def note(self, data_center: str, name: str) -> str:
        """An annotation of the Lease."""
        return str(
            (self.lease(data_center).get("metadata", {}).get("annotations") or {}).get(f"smartshield.io/{name}", "")
        )

    def held_for(self, data_center: str) -> float:
        """Seconds since the holder took the Lease, once everything of the run before is settled; else 0."""
        acquired = (self.lease(data_center).get("spec") or {}).get("acquireTime")
        if not acquired or self.note(data_center, "predecessor") or self.note(data_center, "successor"):
            return 0.0
        return datetime.datetime.now(datetime.UTC).timestamp() - datetime.datetime.fromisoformat(acquired).timestamp()

    def account(self, data_center: str) -> str:
        """Name of the ServiceAccount of a data centre's probers."""
        (found,) = self._of("serviceaccounts", data_center)
        return str(found["metadata"]["name"])

    def started_at_once(self) -> set[str]:
        """Jobs that the operator made outside of a CronJob's schedule."""
        jobs = self.tools.list("jobs", self.space, PROBERS)
        note = "cronjob.kubernetes.io/instantiate"
        return {j["metadata"]["name"] for j in jobs if note in j["metadata"].get("annotations", {})}

    def left(self) -> list[str]:
        """What is there of probers."""
        found = self.tools.kubectl("get", KINDS, "-n", self.space, "-l", PROBERS, "-o", "name")
        return found.split()

    def probes(self, name: str, origin: str) -> list[Probe]:
        """The probes of a check that an origin has seen, oldest first."""
        id_ = self.status(name).get("id", "")[:16]
        seen = self.product.cluster.origin(origin).requests()
        return [
            Probe(each.time, each.source, each.target)
            for each in seen
            if (agent := AGENT.fullmatch(each.headers.get("user-agent", ""))) and agent[1] == id_
        ]

    def probes_from(self, address: str, name: str, origin: str, since: float) -> list[Probe]:
        """The probes of a check by a node, later than `since` (seconds since the epoch)."""
        return [each for each in self.probes(name, origin) if each.source == address and each.at > since]

    def _of(self, kind: str, data_center: str) -> list[dict[str, Any]]:
        region, _, zone = data_center.partition("/")
        found = [dict(each) for each in self.tools.list(kind, self.space, PROBERS)]
        label = "smartshield.io/data-center"
        return [f for f in found if str(f["metadata"]["labels"].get(label, "")).startswith(f"{region}-{zone}")]


def gaps(probes: Sequence[Probe]) -> list[float]:
    """Seconds between probes, the shortest first."""
    return sorted(b.at - a.at for a, b in pairwise(probes))


def kill_run(holder: str) -> None:
    """The process of a run is dead, as after `kill -9`."""
    wanted = f"POD_NAME={holder.rpartition('-')[0]}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                return
        except (OSError, ValueError):
            continue  # it ended while we looked
    raise LookupError(f"no process of {holder}")


class CutOff:
    """The pods of a node don't reach the API server while the block runs, but for those with one of the addresses."""

    def __init__(self, product: Installed, node: str) -> None:
        self._cluster, self._node = product.cluster, node
        slices = product.tools.list("endpointslices", "default", "kubernetes.io/service-name=kubernetes")
        server = slices[0]["endpoints"][0]["addresses"][0]
        operators = product.tools.list("pods", product.namespace, "app.kubernetes.io/component=operator")
        spared = [p["status"]["podIP"] for p in operators if p["spec"].get("nodeName") == node]
        self._rules = [["-d", server, "-j", "DROP"], *(["-s", address, "-j", "ACCEPT"] for address in spared)]

    def __enter__(self) -> None:
        for rule in self._rules:
            self._filter("-I", rule)

    def __exit__(self, *_: object) -> None:
        for rule in self._rules:
            self._filter("-D", rule)

    def _filter(self, what: str, rule: Sequence[str]) -> None:
        self._cluster.exec(self._node, ["iptables", "-w", what, "FORWARD", *rule])


class Account:
    """Somebody who has the token of a ServiceAccount."""

    def __init__(self, product: Installed, space: str, name: str) -> None:
        self._token = product.tools.kubectl("create", "token", name, "-n", space).strip()
        cluster = yaml.safe_load(product.cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server, self._trust = cluster["server"], ssl.create_default_context(cadata=authority)

    def call(self, method: str, path: str, merge: object = None) -> tuple[int, str]:
        """Status code and message of the API server's answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/merge-patch+json"}
        body = None if merge is None else json.dumps(merge).encode()
        request = urllib.request.Request(self._server + path, method=method, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, context=self._trust, timeout=10) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, str(json.load(refused).get("message"))


def node_addresses(cluster: Cluster) -> dict[str, str]:
    """What an origin sees of the pods of a node -> the node's name."""
    return {cluster.node_address(node.name): node.name for node in cluster.nodes}
